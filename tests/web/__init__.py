"""The console and the API, asked as a browser or a program asks."""
