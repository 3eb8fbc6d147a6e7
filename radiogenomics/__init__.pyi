from . import archives as archives
from . import cohort as cohort
from . import expression as expression
from . import features as features
from . import figures as figures
from . import genescore as genescore
from . import images as images
from . import lesions as lesions
from . import linking as linking
from . import modules as modules
from . import pathways as pathways
from . import report as report
from . import signatures as signatures
from . import simulate as simulate
from . import stats as stats
from . import study as study
from . import validation as validation
from ._errors import InputError as InputError
from ._errors import RadiogenomicsError as RadiogenomicsError
from .study.api import Study as Study
from .study.query.search import query as query

__version__: str
