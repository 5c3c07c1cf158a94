"""Object clips to train on, from the virtual world and from data sets of actions."""
