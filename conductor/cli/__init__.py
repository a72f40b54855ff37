"""The command line ``conductor``: workers, servers, workflows, tasks, definitions; needs the extra ``cli``."""
