#!/bin/sh
# TaskProlog of slurm.conf, or `srun --task-prolog`: runs as the job's user, with the environment of the task that
# comes after it. Lines of its output that begin with `print ` are what the task's own output begins with.
#
# It tells of drift and stops nothing: what must not start is started by `envguard run -- ...`. One task of each node
# asks; where all nodes have the same folders, SLURM_PROCID instead of SLURM_LOCALID makes it one of the whole job.
[ "${SLURM_LOCALID:-0}" = 0 ] || exit 0
command -v envguard >/dev/null || exit 0

exec 2>/dev/null # what the shell says of a command that died
told=$(timeout -k 1 10 envguard check 2>&1 </dev/null)
case $? in
0 | 2) ;; # compliant; or there is no policy, or no environment
1 | 3) printf '%s\n' "$told" | sed 's/^/print /' ;;
*) echo "print envguard gave no answer" ;;
esac
exit 0
