"""Which test injects which fault of a network, a server or a machine, for each kind of archive.

| fault | idc (test_idc) | nbia (test_nbia) | single files (test_archives, test_hostile) |
|---|---|---|---|
| slow bytes | passing_fault[dribble], falls_silent | service_that_dawdles | server_that_dawdles |
| cut connection | passing_fault[cut] | passing_fault[cut] | failing_server[/short], half_a_file |
| 429 | passing_fault[too_many] | passing_fault[busy] | failing_server[/429] |
| 500, 503 | lasting_fault (500), passing_fault[busy] | passing_fault[broken] | failing_server[/500, /flaky] |
| wrong size | lasting_fault (other_size) | lasting_fault[wrong size, too few] | failing_server[/short] |
| wrong MD5 or SHA-256 | lasting_fault (wrong), passing_fault[other_bytes] | both[wrong MD5] | wrong_checksum |
| corrupt zip | no zips | lasting_fault[damaged, no zip] | a_file_must_read[a.zip] |
| zip slip | lie_elsewhere (names of objects) | lasting_fault[slip, absolute, drive, link] | not unpacked |
| redirect to file: | redirect_to_a_file | refusal_is_told | nobody_is_followed |
| full disk | full_disk, table_that_cannot_be | disk_that_fills, full_disk | full_disk |
| SIGKILL | killed_at_any_moment | test_killed: nbia_killed | test_killed: file_killed, later_process |
| two processes | two_processes | test_killed: two_processes | test_killed: two_processes |
"""
