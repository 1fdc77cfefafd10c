calendar holidays = 2026-02-30
