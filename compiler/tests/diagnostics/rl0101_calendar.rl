calendar holidays = 2026-12-25
schedule open = daily 09:00..17:00 in "UTC" except holiday
