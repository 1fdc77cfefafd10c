calendar holidays = 2026-12-25
rule api { if holidays then deny }
