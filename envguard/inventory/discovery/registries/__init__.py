"""Where tools write down which environments there are; each module knows some tools.

Nothing is re-exported: who wants the kernels of one environment is spared all the others.
"""
