// A real Nagios Core 4 for the browser tests: one host and two checks, each of which
// says every second what a file says. dotm reads its files and writes its command pipe.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { program } from './dotm.mjs';

const NAGIOS = '/usr/sbin/nagios4';

/** Why there is no Nagios here, or ''. In CI it may not be missing. */
export function missingNagios() {
  if (existsSync(NAGIOS)) return '';
  if (process.env.DOTM_REQUIRE_REAL === 'all') throw new Error(`missing: ${NAGIOS}`);
  return `missing: ${NAGIOS}`;
}

const daemon = (home, account) => `log_file=${home}/var/nagios.log
cfg_file=${home}/objects.cfg
object_cache_file=${home}/var/objects.cache
precached_object_file=${home}/var/objects.precache
status_file=${home}/var/status.dat
status_update_interval=1
state_retention_file=${home}/var/retention.dat
retain_state_information=0
lock_file=${home}/run/nagios.pid
temp_file=${home}/var/nagios.tmp
temp_path=${home}/var
check_result_path=${home}/spool
command_file=${home}/rw/nagios.cmd
query_socket=${home}/rw/nagios.qh
nagios_user=${account}
nagios_group=${account}
check_external_commands=1
use_syslog=0
interval_length=1
service_inter_check_delay_method=n
host_inter_check_delay_method=n
max_service_check_spread=1
max_host_check_spread=1
check_result_reaper_frequency=1
cached_host_check_horizon=0
cached_service_check_horizon=0
check_for_updates=0
date_format=iso8601
`;

const days = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

const common = `\tmax_check_attempts 1
\tcheck_interval 1
\tretry_interval 1
\tcheck_period always
\tcontacts nobody
\tnotifications_enabled 0
}
`;

const objects = (home, host, checks) => `define timeperiod {
\ttimeperiod_name always
\talias always
${days.map((d) => `\t${d} 00:00-24:00\n`).join('')}}
define command {
\tcommand_name say
\tcommand_line ${home}/say $ARG1$
}
define contact {
\tcontact_name nobody
\thost_notification_period always
\tservice_notification_period always
\thost_notification_options n
\tservice_notification_options n
\thost_notification_commands say
\tservice_notification_commands say
}
define host {
\thost_name ${host}
\taddress 127.0.0.1
\tcheck_command say!host
${common}${checks
  .map(
    ([name, description]) => `define service {
\thost_name ${host}
\tservice_description ${description}
\tcheck_command say!${name}
${common}`,
  )
  .join('')}define hostgroup {
\thostgroup_name shop servers
\tmembers ${host}
}
define servicedependency {
\thost_name ${host}
\tservice_description ${checks[0][1]}
\tdependent_host_name ${host}
\tdependent_service_description ${checks[1][1]}
\tnotification_failure_criteria c
}
`;

/** A running Nagios; `checks` are names of state files with what the check is called, the second depends on the first. */
export async function nagios(t, home, host, checks) {
  for (const dir of ['var', 'rw', 'spool', 'run', 'state']) mkdirSync(join(home, dir));
  const say = (name, code, text) => writeFileSync(join(home, 'state', name), `${code} ${text}\n`);
  say('host', 0, 'PING OK');
  for (const [name] of checks) say(name, 0, 'fine');
  writeFileSync(join(home, 'say'), `#!/bin/sh\nread -r code text <"${home}/state/$1" || exit 3\necho "$text"\nexit "$code"\n`, { mode: 0o755 });
  writeFileSync(join(home, 'nagios.cfg'), daemon(home, userInfo().username));
  writeFileSync(join(home, 'objects.cfg'), objects(home, host, checks));
  const p = program(t, NAGIOS, [join(home, 'nagios.cfg')]);
  for (const end = Date.now() + 30_000; !existsSync(join(home, 'var/status.dat')); ) {
    if (Date.now() > end) throw new Error('nagios4 writes no status.dat');
    await new Promise((done) => setTimeout(done, 100));
  }
  return { ...p, say, url: `file://${home}/var?commands=${home}/rw/nagios.cmd` };
}
