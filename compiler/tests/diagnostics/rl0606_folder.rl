use shared.folder
