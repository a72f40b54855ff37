"""Scripts of users: JavaScript, jq and regular expressions, each in a process that can be killed."""
