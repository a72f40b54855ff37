"""A module name of another SDK, which exists only to raise an error with the replacement."""

raise ModuleNotFoundError(
    "No module named 'conductor.client': that is conductor-python's, and this is conductor-sdk, which has the same "
    "import name. Its names come from conductor and conductor.workflow: docs/howto/migration-python.md has the "
    "successor of each. The two cannot share an environment: if you meant conductor-python, uninstall both and install "
    "that one.",
    name="conductor.client",
)
