# std.time: spans of the week in UTC.
#
# `use std.time (utc_weekends)`, then `if now in utc_weekends then …`. A schedule of an office needs the office's zone,
# which only a policy knows: `schedule open = mon..fri 09:00..17:00 in "Europe/Paris"`.
edition 2026

module std.time

## Monday to Friday, from midnight to midnight.
schedule utc_weekdays = mon..fri 00:00..00:00

## Saturday and Sunday, from midnight to midnight.
schedule utc_weekends = sat..sun 00:00..00:00

## Monday to Friday, nine to five.
schedule utc_office_hours = mon..fri 09:00..17:00

## Every day from 22:00 to 06:00 of the next.
schedule utc_nights = daily 22:00..06:00
