"""How good a taste model is: on ratings held out, on planted tastes, and in the closed loop."""
