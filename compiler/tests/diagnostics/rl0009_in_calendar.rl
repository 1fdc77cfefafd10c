calendar holidays = 2026-12-25
rule api { if now in holidays then deny }
