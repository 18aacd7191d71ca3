"""Configuration templates of the throw-away Postfix and Dovecot of the system tests, filled by ``tests.mailserver``.

Dovecot stores in sdbox, not Maildir: Maildir takes INTERNALDATE from the file's time, which the kernel sets and which
therefore does not follow a moved clock.
"""

DOVECOT = """\
base_dir = {base}/run
state_dir = {base}/state
log_path = {base}/dovecot.log
import_environment = $import_environment {faketime}
hostname = @LMTP_NAME@
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
first_valid_gid = 1
listen = 127.0.0.1
protocols = imap lmtp
ssl = required
ssl_cert = <{base}/server.pem
ssl_key = <{base}/server.key
ssl_ca = <{base}/ca.pem
ssl_require_crl = no
ssl_verify_client_cert = yes
auth_ssl_username_from_cert = yes
ssl_dh =
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = yes
auth_mechanisms = plain login external
auth_failure_delay = 0
mail_location = sdbox:{base}/mail/%d/%n
lda_mailbox_autocreate = yes
passdb {{
  driver = passwd-file
  mechanisms = plain login none
  args = scheme=PLAIN username_format=%u {base}/users
}}
passdb {{
  driver = static
  mechanisms = external
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={base}/mail/%d/%n
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {ports.imaps}
    ssl = yes
  }}
}}
service imap {{
  vsz_limit = 1G
}}
service lmtp {{
  chroot =
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {ports.lmtp}
  }}
}}
service auth {{
  inet_listener {{
    address = 127.0.0.1
    port = {ports.auth}
  }}
}}
service stats {{
  chroot =
}}
protocol imap {{
  mail_max_userip_connections = 100
}}
protocol lmtp {{
  postmaster_address = postmaster@hopital.test
}}
"""

POSTFIX_MAIN = """\
compatibility_level = 3.6
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C POSTLOG_SERVICE POSTLOG_HOSTNAME {faketime}
queue_directory = {base}/queue
data_directory = {base}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = {name}
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtp_dns_support_level = disabled
maillog_file = {base}/maillog
maillog_file_prefixes = {base}
virtual_mailbox_domains = hopital.test, cnas.test, cnse.test
virtual_mailbox_maps = inline:{{{known}}}
virtual_transport = lmtp:inet:127.0.0.1:{ports.lmtp}
default_transport = error:no mail leaves this machine
smtpd_tls_cert_file = {base}/server.pem
smtpd_tls_key_file = {base}/server.key
smtpd_tls_CAfile = {base}/ca.pem
smtpd_tls_security_level = may
smtpd_tls_ask_ccert = yes
smtpd_tls_received_header = yes
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{ports.auth}
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtputf8_enable = yes
message_size_limit = {limit}
mailbox_size_limit = 0
virtual_mailbox_limit = 0
minimal_backoff_time = 5s
maximal_backoff_time = 10s
queue_run_delay = 5s
bounce_queue_lifetime = 60s
maximal_queue_lifetime = 60s
local_recipient_maps =
alias_maps =
alias_database =
notify_classes =
smtpd_error_sleep_time = 0
"""

POSTFIX_MASTER = """\
127.0.0.1:{ports.smtp} inet n - n - - smtpd
127.0.0.1:{ports.submission} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,permit_tls_all_clientcerts,reject
  -o smtpd_relay_restrictions=permit_sasl_authenticated,permit_tls_all_clientcerts,reject
127.0.0.1:{ports.submissions} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,permit_tls_all_clientcerts,reject
  -o smtpd_relay_restrictions=permit_sasl_authenticated,permit_tls_all_clientcerts,reject
127.0.0.1:{ports.small} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes -o message_size_limit={small}
  -o smtpd_client_restrictions=permit_sasl_authenticated,permit_tls_all_clientcerts,reject
  -o smtpd_relay_restrictions=permit_sasl_authenticated,permit_tls_all_clientcerts,reject
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
