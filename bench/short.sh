#!/usr/bin/env bash
# The short form of the benchmarks: what is done for each report, snapshot, change and
# viewer, six times each, so that benchstat can tell a difference from noise. It prints
# what Go prints, after a few lines about the machine. COUNT and TIME change how often
# and how long.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go} COUNT=${COUNT:-6} TIME=${TIME:-100ms}

# package, then which benchmarks of it
hot=(
  ./report 'Decode$|WholeAndBeat/(decode|expand|beat|whole)'
  ./collect/push 'Receive'
  ./aggregate 'Apply$/nodes=0|Age$|Beats'
  ./topology 'Edit$|Diff$'
  ./view 'Advance/live/[a-z]+/1000'
  ./view/merge 'Next'
  ./layout 'Update/(209|971)|Update/pools'
  ./store/bolt 'Write|Append'
  ./history 'Record'
  ./server/keep 'Flush/nodes=1000$'
  ./mapping 'Renew'
  ./trouble 'Twenty'
  ./trouble/signal 'Look/reported=300$'
  ./grouping 'Unchanged'
  ./api/views 'Answer/(pool|service)/1000/again'
  ./api/stream 'Viewers'
  ./api/metrics 'Metering|Scrape'
  ./agent 'Told'
)

echo "commit: $(git describe --always --dirty 2>/dev/null || echo unknown)"
echo "machine: $(nproc) of $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1), $(awk '/MemTotal/ {printf "%.0f GiB", $2/1048576}' /proc/meminfo), $(uname -sr)"
echo "load: $(cut -d' ' -f1-3 /proc/loadavg)"
for ((i = 0; i < ${#hot[@]}; i += 2)); do
  echo "${hot[i]}" >&2
  $GO test -run '^$' -bench "${hot[i + 1]}" -benchmem -benchtime "$TIME" -count "$COUNT" "${hot[i]}" | grep -vE '^(PASS|ok)'
done
echo "load: $(cut -d' ' -f1-3 /proc/loadavg)"
