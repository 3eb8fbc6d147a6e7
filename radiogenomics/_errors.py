"""The errors a user can mend: raised at the public edge with value, place and remedy.

The command line shows their message alone and exits with code 2. Any other exception is a bug of the package. Each class
is also the built-in error of its kind, so that ``except ValueError`` goes on to work.
"""


class RadiogenomicsError(Exception):
    """Something that the user can mend; the message says where it is, what stands there and what to do."""


class InputError(RadiogenomicsError, ValueError):
    """A value, table, image or manifest cannot be used as it is."""


class FileError(RadiogenomicsError, OSError):
    """A file is missing, or cannot be read, written or fetched."""


class MissingFileError(FileError, FileNotFoundError):
    """A file or folder is not there."""


class DownloadError(FileError, ConnectionError):
    """An archive did not answer, or did not send what it announced."""


class MissingPackageError(RadiogenomicsError, ImportError):
    """An optional package is not installed."""


class RunError(RadiogenomicsError, RuntimeError):
    """The work could not be finished, though nothing is wrong with the input: a worker died, an engine gave up."""


class MemoryLimitError(RunError, MemoryError):
    """The work needs more memory than there is."""
