#!/usr/bin/env bash
# Every test of OrderSaga: bash tests/run.sh [--long] [filter...]
#
# A filter is part of a test's full name (OrderSaga.Messaging.Tests.Outbox.When_x.Should_y); several are alternatives.
# --long also runs what takes minutes (ORDERSAGA_TEST_LONG=1).
#
# What is missing (PostgreSQL, RabbitMQ, Chromium) is installed where this is root. Tests get servers that are theirs alone: data in a
# temporary folder, free ports of 127.0.0.1, passwords made for the run. All of it is gone afterwards. SQL Server is tested where
# ORDERSAGA_TEST_SQLSERVER holds a connection string. What the pages look like is kept in artifacts/test-logs/pages.
#
# A skip counts as a failure unless its reason begins with 'SQL Server', and so does a runner that does not come to its summary.

# shellcheck disable=SC2317 # functions that are called by name look unreachable
set -u -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
root=$PWD
logs=$root/artifacts/test-logs
limit=60m # for one project: a test that hangs must not hang the run
passed=0 failed=0 skipped=0
started=() # process groups that this script began and has to end
work='' policy=''

say() { printf '%s\n' "$*"; }
complain() { say "$*" >&2; }

# Bash's $SECONDS is whole seconds; tenths are wanted here.
now() { local t=${EPOCHREALTIME/[.,]/}; say "${t:0:-5}"; }
took() { # what, since when
  local tenths=$(($(now) - $2))
  printf '  %-34s %4d.%d s\n' "$1" $((tenths / 10)) $((tenths % 10))
}

# --- ending -----------------------------------------------------------------------------------------------------------------------

# Zombies do not count: in a container nobody may collect them.
alive() { # process group
  local stat line fields
  kill -0 -- "-$1" 2>/dev/null || return
  for stat in /proc/[0-9]*/stat; do
    { read -r line <"$stat"; } 2>/dev/null || continue
    read -ra fields <<<"${line##*) }" # state, parent, group
    [[ ${fields[2]} == "$1" && ${fields[0]} != Z ]] && return
  done
  return 1
}

end_group() { # process group, signal
  local tries=100
  kill "-$2" -- "-$1" 2>/dev/null
  while alive "$1"; do
    if ((--tries == 0)); then kill -KILL -- "-$1" 2>/dev/null; return; fi
    sleep 0.1
  done
}

clean_up() {
  local i
  trap '' INT TERM
  # The last begun first: tests let go of the servers before the servers end.
  for ((i = ${#started[@]} - 1; i >= 0; i--)); do end_group "${started[i]%:*}" "${started[i]#*:}"; done
  started=()
  wait 2>/dev/null
  [[ -n $policy ]] && rm -f "$policy"
  [[ -n $work ]] && rm -rf "$work"
  work='' policy=''
} 2>/dev/null

finish() {
  clean_up
  [[ -s $logs/failures.log ]] && cat "$logs/failures.log" # last, where it is seen
  took 'in all' "$begin"
  say "$passed passed, $failed failed, $skipped skipped"
  ((failed == 0 && passed > 0))
  exit
}

give_up() { # why
  complain "$*"
  ((failed++))
  finish
}

begin=$(now)
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# A process group of its own (set -m): one id ends a program with its children, and Ctrl-C reaches this script first.
begin_group() { # signal that ends it, program, arguments...
  local signal=$1
  shift
  set -m
  "$@" </dev/null &
  group=$!
  set +m
  started+=("$group:$signal")
}

# Not in the foreground, where bash would hold a signal back until the program ends. Children left behind end with it.
run() { # program, arguments...
  local status
  begin_group TERM "$@"
  wait "$group"
  status=$?
  end_group "$group" TERM
  unset 'started[-1]'
  return "$status"
}

# --- what has to be there ---------------------------------------------------------------------------------------------------------

find_postgres() { # the folder of the newest
  local found
  found=$(find -L /usr/lib/postgresql /usr/pgsql* -maxdepth 3 -name initdb 2>/dev/null | sort -V | tail -n 1)
  dirname "${found:-$(command -v initdb)}" 2>/dev/null
}

find_rabbitmq() { # RabbitMQ's own script: the one in /usr/sbin insists on Debian's account and folders
  local found
  for found in /usr/lib/rabbitmq/bin/rabbitmq-server "$(command -v rabbitmq-server)"; do
    if [[ -x $found ]]; then say "$found"; return; fi
  done
}

find_chromium() { # what Debian calls chromium has other names elsewhere
  local found
  for found in "${ORDERSAGA_TEST_CHROMIUM:-}" chromium chromium-browser google-chrome; do
    if [[ -n $found ]] && command -v "$found"; then return; fi
  done
}

install_missing() {
  local missing=() since
  [[ -x $(find_postgres)/initdb ]] || missing+=(postgresql)
  [[ -n $(find_rabbitmq) ]] || missing+=(rabbitmq-server)
  [[ -n $(find_chromium) ]] || missing+=(chromium)
  ((${#missing[@]} == 0)) && return

  local by_hand="sudo apt-get update && sudo apt-get install -y ${missing[*]}"
  ((EUID == 0)) || give_up "Missing: ${missing[*]}. Install: $by_hand"
  command -v apt-get >/dev/null || give_up "Missing: ${missing[*]}; there is no apt-get here: install them with this system's own tool."

  since=$(now)
  # The packages start a server each at once; the tests do not want those, and they would be left running.
  if [[ ! -e /usr/sbin/policy-rc.d ]]; then
    policy=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  fi
  local apt=(apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
  {
    run env DEBIAN_FRONTEND=noninteractive "${apt[@]}" update
    run env DEBIAN_FRONTEND=noninteractive "${apt[@]}" install -y --no-install-recommends "${missing[@]}"
  } >"$work/apt.log" 2>&1 || { tail -n 20 "$work/apt.log" >&2; give_up "Could not install ${missing[*]}. By hand: $by_hand"; }
  [[ -n $policy ]] && rm -f "$policy"
  policy=''
  took "installed ${missing[*]}" "$since"
}

# --- servers ----------------------------------------------------------------------------------------------------------------------

secret() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Five ports in a row, below those that the system hands to outgoing connections.
free_ports() {
  local base port
  while :; do
    base=$((20000 + RANDOM % 12000))
    for ((port = base; port < base + 5; port++)); do listening "$port" && continue 2; done
    say "$base"
    return
  done
}

# PostgreSQL refuses root. A user namespace leaves the files with root; where there are none, another account has to do.
as_somebody() {
  local account
  if ((EUID != 0)); then exec "$@"; fi
  if unshare --user --map-user=1000 --map-group=1000 true 2>/dev/null; then exec unshare --user --map-user=1000 --map-group=1000 "$@"; fi
  account=$(id -un postgres 2>/dev/null || say nobody)
  chown -R "$account" "$work/postgres"
  exec setpriv --reuid "$account" --regid "$(id -g "$account")" --clear-groups "$@"
}

postgres() {
  cd "$work/postgres" || exit
  (as_somebody "$postgres_bin/initdb" -D "$work/postgres/data" -U postgres -A scram-sha-256 --pwfile "$work/postgres/password" \
    -E UTF8 --locale C.UTF-8 --no-sync) || exit
  as_somebody "$postgres_bin/postgres" -D "$work/postgres/data" -p "$postgres_port" \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 -c fsync=on \
    -c shared_preload_libraries=pg_stat_statements -c pg_stat_statements.max=20000
}

# The name server of Erlang nodes; started here because a node would start one that outlives it.
epmd_alone() { exec "$(command -v epmd || say /usr/bin/epmd)" -address 127.0.0.1 -port "$epmd_port"; }

rabbitmq() {
  local home=$work/rabbitmq
  cat >"$home/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$rabbitmq_port
management.tcp.ip = 127.0.0.1
management.tcp.port = $management_port
default_user = ordersaga
default_pass = $password
log.console = true
log.file = false
CONF
  say '[rabbitmq_management].' >"$home/enabled_plugins"
  : >"$home/env.conf"
  unset "${!RABBITMQ_@}"
  export HOME=$home \
    ERL_EPMD_PORT=$epmd_port ERL_EPMD_ADDRESS=127.0.0.1 \
    RABBITMQ_NODENAME=ordersaga$$@localhost \
    RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=$rabbitmq_port RABBITMQ_DIST_PORT=$dist_port \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' \
    RABBITMQ_CONF_ENV_FILE=$home/env.conf RABBITMQ_CONFIG_FILE=$home/rabbitmq.conf RABBITMQ_ENABLED_PLUGINS_FILE=$home/enabled_plugins \
    RABBITMQ_MNESIA_BASE=$home/mnesia RABBITMQ_LOG_BASE=$home RABBITMQ_LOGS=- RABBITMQ_PID_FILE=$home/pid \
    RABBITMQ_SCHEMA_DIR=$home/schema RABBITMQ_GENERATED_CONFIG_DIR=$home/config
  until listening "$epmd_port"; do sleep 0.1; done
  exec "$(find_rabbitmq)"
}

start_servers() {
  local base
  base=$(free_ports)
  postgres_port=$base rabbitmq_port=$((base + 1)) management_port=$((base + 2)) dist_port=$((base + 3)) epmd_port=$((base + 4))
  postgres_bin=$(find_postgres) password=$(secret)
  mkdir "$work/postgres" "$work/rabbitmq"
  say "$password" >"$work/postgres/password"

  begin_group INT postgres >"$logs/postgres.log" 2>&1 # INT: do not wait for clients
  postgres_group=$group
  begin_group TERM epmd_alone >"$logs/epmd.log" 2>&1
  begin_group KILL rabbitmq >"$logs/rabbitmq.log" 2>&1 # its data goes away with it: nothing to save
  rabbitmq_group=$group

  export ORDERSAGA_TEST_POSTGRES="Host=127.0.0.1;Port=$postgres_port;Database=postgres;Username=postgres;Password=$password"
  export ORDERSAGA_TEST_RABBITMQ="amqp://ordersaga:$password@127.0.0.1:$rabbitmq_port/"
  export ORDERSAGA_TEST_RABBITMQ_MANAGEMENT="http://ordersaga:$password@127.0.0.1:$management_port"

  # For the tests that stop and start the broker.
  export ORDERSAGA_TEST_RABBITMQCTL=$work/rabbitmqctl
  cat >"$work/rabbitmqctl" <<CTL
#!/bin/sh
export HOME='$work/rabbitmq' ERL_EPMD_PORT=$epmd_port RABBITMQ_CONF_ENV_FILE='$work/rabbitmq/env.conf'
exec '$(dirname "$(find_rabbitmq)")/rabbitmqctl' -q -n ordersaga$$@localhost "\$@"
CTL
  chmod +x "$work/rabbitmqctl"
}

await_server() { # name, process group, log, how to see that it is ready...
  local name=$1 id=$2 log=$3 since tries=600
  since=$(now)
  shift 3
  until "$@" >/dev/null 2>&1; do
    if ! alive "$id" || ((--tries == 0)); then
      tail -n 30 "$log" >&2
      give_up "$name did not start; its log is $log"
    fi
    sleep 0.1
  done
  took "$name, after the build" "$since"
}

rabbitmq_ready() { listening "$rabbitmq_port" && listening "$management_port"; }

# --- build and tests --------------------------------------------------------------------------------------------------------------

build() {
  local since
  since=$(now)
  # A compiler server halves the time; under a name of its own it is nobody else's, and ends with its group.
  if ! run dotnet build OrderSaga.sln -nodeReuse:false -p:SharedCompilationId="ordersaga$$" --tl:off -clp:NoSummary >"$logs/build.log" 2>&1; then
    grep -E ' (error|warning) |: error|rror\(s\)' "$logs/build.log" | sort -u >&2 || tail -n 30 "$logs/build.log" >&2
    give_up "The build failed; its log is $logs/build.log"
  fi
  took build "$since"
}

# Skips as 'name: reason', one a line; the reason's first line stands below the name.
skips() { awk 'name { sub(/^ +/, ""); print name ": " $0; name = "" } / \[SKIP\]$/ { sub(/^ +/, ""); sub(/ \[SKIP\]$/, ""); name = $0 }' "$1"; }

# Each failure with what is told of it: its lines are further in than its name.
failures() { awk '/^    [^ ].* \[FAIL\]$/ { print; telling = 1; next } /^ ? ? ? ?[^ ]/ { telling = 0 } telling' "$1"; }

test_project() { # name, filters for its runner...
  local name=$1 log=$logs/$1.log since program status summary not_allowed
  local total=0 errors=0 passes fails=0 skips=0 unrun=0 bad=0
  shift
  since=$(now)
  program=$(sed -n "s/^ *$name -> //p" "$logs/build.log")
  if [[ -z $program ]]; then
    ((failed++))
    complain "$name was not built: is it in OrderSaga.sln?"
    return
  fi

  run timeout --kill-after=10 "$limit" dotnet "$program" -noLogo -noColor -noAutoReporters \
    -longRunning 120 -printMaxStringLength 0 -printMaxEnumerableLength 30 "$@" >"$log" 2>&1
  status=$?

  # '   Name  Total: 6, Errors: 0, Failed: 2, Skipped: 3, Not Run: 1, Time: 0.118s', or only 'Total: 0'
  summary=$(sed '1,/^=== TEST EXECUTION SUMMARY ===$/d' "$log" | grep -E "^ *$name +Total: [0-9]+")
  number() { sed -nE "s/.*$1: ([0-9]+).*/\1/p" <<<"$summary"; }
  total=$(number Total) errors=$(number Errors) fails=$(number Failed) skips=$(number Skipped) unrun=$(number 'Not Run')
  passes=$((total - fails - skips - unrun))

  not_allowed=$(skips "$log" | grep -v ': SQL Server')
  [[ -n $not_allowed ]] && bad=$(wc -l <<<"$not_allowed")
  ((skips -= bad, fails += errors + bad))

  if [[ -z $summary ]] || ((status != 0 && fails == 0)); then
    ((fails++))
    complain "$name: the runner did not end well (exit code $status$([[ $status == 124 ]] && say ", after $limit")); the end of its log:"
    tail -n 200 "$log"
  fi
  failures "$log" >>"$logs/failures.log"
  if [[ -n $not_allowed ]]; then printf 'Skipped without leave:\n%s\n' "$not_allowed"; fi
  took "$name" "$since"
  say "    $passes passed, $fails failed, $skips skipped$( ((unrun > 0)) && say ", $unrun only on demand")"
  ((passed += passes, failed += fails, skipped += skips))
}

# --- the run ----------------------------------------------------------------------------------------------------------------------

filters=()
for argument in "$@"; do
  case $argument in
    --long) export ORDERSAGA_TEST_LONG=1 limit=2h ;;
    -h | --help) sed -n '2,/^$/s/^# \{0,1\}//p' tests/run.sh; exit 0 ;;
    -*) complain "Unknown option $argument. Usage: bash tests/run.sh [--long] [filter...]"; exit 2 ;;
    *) filters+=(-method "*$argument*") ;;
  esac
done

work=$(mktemp -d "${TMPDIR:-/tmp}/ordersaga-tests.XXXXXX") || exit 1
chmod 711 "$work" # another account passes through to its own folder
mkdir -p "$logs"
rm -f "$logs"/*.log
if [[ -z ${HOME:-} || ! -w $HOME ]]; then
  mkdir "$work/home"
  export HOME=$work/home
fi
export DOTNET_TieredPGO=0 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false MASSTRANSIT_USAGE_TELEMETRY=false

dotnet --version >/dev/null 2>&1 ||
  give_up "The .NET 10 SDK is missing: install it from https://dotnet.microsoft.com/download/dotnet/10.0 (or your system's package dotnet-sdk-10.0)."

install_missing
ORDERSAGA_TEST_CHROMIUM=$(find_chromium)
export ORDERSAGA_TEST_CHROMIUM
start_servers
build
await_server PostgreSQL "$postgres_group" "$logs/postgres.log" "$postgres_bin/pg_isready" -q -h 127.0.0.1 -p "$postgres_port"
await_server RabbitMQ "$rabbitmq_group" "$logs/rabbitmq.log" rabbitmq_ready

# Without a server one test says so; the others that need it would only repeat it.
[[ -z ${ORDERSAGA_TEST_SQLSERVER:-} ]] && filters+=(-class- '*OnSqlServer' -class- '*on_SQL_Server')

for project in tests/*/*.Tests.csproj; do
  name=${project##*/}
  test_project "${name%.csproj}" ${filters[@]+"${filters[@]}"}
done

finish
