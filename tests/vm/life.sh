#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# life.sh HOOKS ...: in the guest, once for each kind of hooks: an agent that is killed and started again, a clock
# that is set forward and back, a processor that is unplugged. Programs with numbered arguments run all the time.
# In /out/HOOKS: the records, the stderr of both lives. Exit status 0: everything ran and ended in order.
set -eu

last=0

# So many further numbered programs.
run()
{
	for i in $(seq $((last + 1)) $((last + $1))); do
		/bin/busybox true "number-$i"
	done
	last=$((last + $1))
}

start()
{
	proctrail run --config /tmp/pipeline.yaml --hooks "$hooks" --instance "life-$hooks" 2>"$1" & agent=$!
	until grep -qx ready "$1"; do
		kill -0 "$agent" 2>/dev/null || { tail -n 20 "$1"; exit 1; }
		usleep 10000
	done
}

for hooks; do
	mkdir "/out/$hooks"
	cd "/out/$hooks"
	last=0
	cat >/tmp/pipeline.yaml <<-END
		enable: true
		inputs:
		  - Type: input_process_security
		    CallNames: [execve, exit, clone]
		    Fields: [__seq__]
		flushers:
		  - Type: flusher_file
		    FilePath: /out/$hooks/records
	END
	start stderr.1
	run 20
	kill -9 "$agent"
	wait "$agent" || :
	run 20
	start stderr.2
	run 20 # to 60
	sleep 1 # what is not read yet has the time that the clock has then

	date -s "@$(($(date +%s) + 86400))" >/dev/null
	sleep 2
	run 20 # to 80
	sleep 1
	date -s "@$(($(date +%s) - 90000))" >/dev/null
	sleep 2
	run 20 # to 100

	echo 0 >/sys/devices/system/cpu/cpu1/online
	run 20 # to 120
	echo 1 >/sys/devices/system/cpu/cpu1/online
	run 20 # to 140
	kill "$agent"
	wait "$agent"
	ls -R /sys/fs/bpf >pins
done
