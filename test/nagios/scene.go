package nagios

import (
	"crypto/md5"
	"encoding/hex"
)

// md5Hex is what Apache's htdigest writes.
func md5Hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// states are what the checks say at first: a code and a text.
var states = map[string]string{
	"web1/host":       "0 PING ok|rta=0.1ms",
	"web1/http":       "0 HTTP/1.1 200 in 0.012s|time=0.012s;1;2;0",
	"web1/disk":       "1 /var is 91% full|used=91%;90;95;0;100",
	"db1/host":        "0 PING ok|rta=0.2ms",
	"db1/postgres":    "2 connection refused on port 5432",
	"db1/backup":      "3 no backup information found",
	"db1/replication": "2 replica is 900 s behind|lag=900s;60;300",
	"cache1/host":     "0 PING ok|rta=0.1ms",
	"cache1/redis":    "0 PONG|clients=12",
	"cache1/load":     "flap load average changes|load=1",
	"cache1/memory":   "1 Größe 91% \"voll\" <b>fett</b> \\ C:\\temp & a\ttab",
	"gw1/host":        "2 no route to gateway",
	"gw1/ssh":         "2 connection timed out",
	"edge1/host":      "2 no answer",
	"edge1/https":     "2 connection timed out",
}

// checkScript says what the state file of a check holds: "CODE TEXT", or "flap
// TEXT" for another code each time.
const checkScript = `#!/bin/sh
name=$(echo "$1" | tr / _)
IFS=' ' read -r code text <'%[1]s'/state/"$name" || exit 3
if [ "$code" = flap ]; then
	flag='%[1]s'/flap/$name
	if rm "$flag" 2>/dev/null; then code=0; else : >"$flag"; code=2; fi
fi
printf '%%s\n' "$text"
exit "$code"
`

// A unit of time is one second, so that a check looks every second.
const daemonConfig = `
log_file=HOME/var/nagios.log
log_archive_path=HOME/var/archives
cfg_file=HOME/objects.cfg
object_cache_file=HOME/var/objects.cache
precached_object_file=HOME/var/objects.precache
status_file=HOME/var/status.dat
status_update_interval=1
state_retention_file=HOME/var/retention.dat
retain_state_information=0
lock_file=HOME/run/nagios.pid
temp_file=HOME/var/nagios.tmp
temp_path=HOME/var
check_result_path=HOME/spool
command_file=HOME/rw/nagios.cmd
query_socket=HOME/rw/nagios.qh
nagios_user=ACCOUNT
nagios_group=ACCOUNT
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
enable_flap_detection=1
low_service_flap_threshold=5.0
high_service_flap_threshold=20.0
check_for_updates=0
date_format=iso8601
`

const cgiConfig = `
main_config_file=HOME/nagios.cfg
physical_html_path=/usr/share/nagios4/htdocs
url_html_path=/nagios4
use_authentication=1
authorized_for_system_information=dotm
authorized_for_configuration_information=dotm
authorized_for_all_hosts=dotm
authorized_for_all_services=dotm
authorized_for_all_host_commands=dotm
authorized_for_all_service_commands=dotm
escape_html_tags=1
`

// objects are the hosts and services: HOME is the folder.
const objects = `
define timeperiod {
	timeperiod_name always
	alias always
	sunday 00:00-24:00
	monday 00:00-24:00
	tuesday 00:00-24:00
	wednesday 00:00-24:00
	thursday 00:00-24:00
	friday 00:00-24:00
	saturday 00:00-24:00
}
define command {
	command_name look
	command_line HOME/check $ARG1$
}
define command {
	command_name tell_nobody
	command_line /bin/true
}
define contact {
	contact_name nobody
	host_notification_period always
	service_notification_period always
	host_notification_options d,u,r
	service_notification_options w,u,c,r
	host_notification_commands tell_nobody
	service_notification_commands tell_nobody
}
define host {
	name a-host
	register 0
	check_interval 1
	retry_interval 1
	max_check_attempts 2
	check_period always
	notification_period always
	notification_interval 0
	contacts nobody
}
define service {
	name a-service
	register 0
	check_interval 1
	retry_interval 1
	max_check_attempts 2
	check_period always
	notification_period always
	notification_interval 0
	contacts nobody
}
define host {
	use a-host
	host_name web1
	alias web server
	address 127.0.0.1
	check_command look!web1/host
	notes_url https://wiki.example/$HOSTNAME$
	_role frontend
	_address6 2001:db8::1
}
define host {
	use a-host
	host_name db1
	alias database
	address 127.0.0.2
	check_command look!db1/host
}
define host {
	use a-host
	host_name cache1
	alias cache
	address 127.0.0.3
	check_command look!cache1/host
}
define host {
	use a-host
	host_name gw1
	alias gateway of the branch office
	address 127.0.0.4
	check_command look!gw1/host
}
define host {
	use a-host
	host_name edge1
	alias host behind gw1
	address 127.0.0.5
	parents gw1
	check_command look!edge1/host
}
define host {
	use a-host
	host_name new1
	alias never checked
	address 127.0.0.6
	active_checks_enabled 0
	check_command look!new1/host
}
define service {
	use a-service
	host_name web1
	service_description http
	check_command look!web1/http
}
define service {
	use a-service
	host_name web1
	service_description Disk /var
	check_command look!web1/disk
}
define service {
	use a-service
	host_name web1
	service_description ntp
	active_checks_enabled 0
	check_freshness 0
	check_command look!web1/ntp
}
define service {
	use a-service
	host_name db1
	service_description postgres
	check_command look!db1/postgres!-p 5432
}
define service {
	use a-service
	host_name db1
	service_description backup
	check_command look!db1/backup
}
define service {
	use a-service
	host_name db1
	service_description replication
	max_check_attempts 30000
	check_command look!db1/replication
	_port 5433
}
define service {
	use a-service
	host_name cache1
	service_description redis
	check_command look!cache1/redis
}
define service {
	use a-service
	host_name cache1
	service_description load
	max_check_attempts 1
	check_command look!cache1/load
}
define service {
	use a-service
	host_name cache1
	service_description memory
	check_command look!cache1/memory
}
define service {
	use a-service
	host_name gw1
	service_description ssh
	check_command look!gw1/ssh
}
define service {
	use a-service
	host_name edge1
	service_description https
	check_command look!edge1/https
}
define hostgroup {
	hostgroup_name shop-hosts
	alias hosts of the shop
	members web1,db1,cache1
}
define hostgroup {
	hostgroup_name branch
	alias branch office
	members gw1,edge1
}
define servicegroup {
	servicegroup_name shop
	alias web shop
	members web1,http,db1,postgres,cache1,redis
}
define hostdependency {
	host_name db1
	dependent_host_name web1
	notification_failure_criteria d,u
}
define servicedependency {
	host_name db1
	service_description postgres
	dependent_host_name web1
	dependent_service_description http
	execution_failure_criteria n
	notification_failure_criteria c,u
}
`

const apacheConfig = `
ServerName localhost
ServerRoot HOME
Listen ADDR
PidFile HOME/apache2.pid
DefaultRuntimeDir HOME
ErrorLog HOME/apache.log
ACCOUNTS
StartServers 2
LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so
LoadModule authn_file_module /usr/lib/apache2/modules/mod_authn_file.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so
LoadModule auth_basic_module /usr/lib/apache2/modules/mod_auth_basic.so
LoadModule auth_digest_module /usr/lib/apache2/modules/mod_auth_digest.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
LoadModule env_module /usr/lib/apache2/modules/mod_env.so
LoadModule cgi_module /usr/lib/apache2/modules/mod_cgi.so
DocumentRoot /usr/share/nagios4/htdocs
ScriptAlias /nagios4/cgi-bin /usr/lib/cgi-bin/nagios4
ScriptAlias /digest/cgi-bin /usr/lib/cgi-bin/nagios4
ScriptAlias /open/cgi-bin /usr/lib/cgi-bin/nagios4
<Location /nagios4>
	SetEnv NAGIOS_CGI_CONFIG HOME/cgi.cfg
	AuthType Basic
	AuthName Nagios4
	AuthUserFile HOME/htpasswd
	Require valid-user
</Location>
<Location /digest>
	SetEnv NAGIOS_CGI_CONFIG HOME/cgi.cfg
	AuthType Digest
	AuthName Nagios4
	AuthDigestProvider file
	AuthUserFile HOME/htdigest
	Require valid-user
</Location>
<Location /open>
	SetEnv NAGIOS_CGI_CONFIG HOME/cgi-open.cfg
	Require all granted
</Location>
`
