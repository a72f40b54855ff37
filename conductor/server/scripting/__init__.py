"""Run users' JavaScript, jq queries and regular expressions in separate processes, with limits on time and memory."""
