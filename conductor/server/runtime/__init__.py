"""The server's state and everything that changes it: transactions, queues, timers, threads and the clock."""
