"""The rules in words of a stream: kept, understood, in force by the clock, tried before they are saved."""
