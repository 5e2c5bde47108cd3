#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# guest.sh HOOKS ...: in the guest, once for each kind of hooks: a process that is older than the agent, the
# agent, each case of the workload, the end. In /out/HOOKS: the agent's records and its stderr, and for each case
# CASE.expected. Exit status 0: everything ran and ended in order; what the records say is for others to judge.
set -eu

# The last lines of the agent's stderr, if it has ended.
check_agent()
{
	kill -0 "$agent" 2>/dev/null || { tail -n 20 stderr; exit 1; }
}

for hooks; do
	mkdir "/out/$hooks"
	cd "/out/$hooks"
	cat >/tmp/pipeline.yaml <<-END
		enable: true
		inputs:
		  - Type: input_process_security
		    CallNames: [execve, exit, clone]
		    Fields: extended
		    MaxArgumentBytes: 2MiB
		flushers:
		  - Type: flusher_file
		    FilePath: /out/$hooks/records
	END
	workload hold older & old=$!
	until [ "$(cat /proc/$old/comm)" = workload ]; do usleep 1000; done

	proctrail run --instance "$hooks" --config /tmp/pipeline.yaml --hooks "$hooks" --log-level debug 2>stderr & agent=$!
	until grep -qx ready stderr; do check_agent; usleep 10000; done

	kill "$old"
	wait "$old" || :
	echo '{"call_name":"exit","pid":"'$old'","binary":"/bin/workload","arguments":"hold older",' \
		'"cwd":"/out/'"$hooks"'","exit_code":"143","exit_signal":"SIGTERM"}' >older.expected
	cd /out
	for name in $(workload); do
		workload "$name" >"$hooks/$name.expected"
		check_agent
	done
	kill "$agent"
	wait "$agent"
done
