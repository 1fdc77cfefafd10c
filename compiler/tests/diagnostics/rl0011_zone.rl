schedule open = daily 09:00..17:00 in "Europe/Berln"
