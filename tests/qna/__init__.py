"""Tests of the questions tier; a package because its module names recur elsewhere."""
