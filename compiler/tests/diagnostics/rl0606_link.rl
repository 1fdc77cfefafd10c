use shared.link
