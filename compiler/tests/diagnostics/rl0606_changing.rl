use shared.changing
