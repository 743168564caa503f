"""The user agent: carries out actions and records what happens. It holds no opinion."""
