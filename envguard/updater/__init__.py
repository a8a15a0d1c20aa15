"""Environments that are made: from a recipe, in a folder that is whole or not there."""
