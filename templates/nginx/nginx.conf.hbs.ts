/** Handlebars source of nginx.conf. Values are text that `templates/nginx.ts` has made safe. */
export const nginxConf = String.raw`# One configuration for both live sides. The markers in {{markers}} decide at each request; a move reloads nothing.
load_module modules/ngx_http_js_module.so;

daemon off;
pid /tmp/nginx.pid;
worker_processes auto;
worker_rlimit_nofile 65536;
# Long polls do not keep an old worker alive past Docker's ten seconds.
worker_shutdown_timeout 8s;
error_log stderr notice;

events {
  worker_connections 16384;
}

http {
  js_import edge from {{config}}/edge.js;

  # A 64-character key and long host names; before the first map.
  map_hash_bucket_size 256;
  server_names_hash_bucket_size 256;

  # Everything that nginx writes at run time; the root file system is read-only.
  client_body_temp_path /tmp/client_body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;

  # nginx puts the whole request line, query included, into its messages about a request. Tokens and codes travel there,
  # so these messages are off; the access log says who failed and with what.
  error_log stderr emerg;

  map "$request_method $uri" $slo_op {
    default "";
    "~^POST /oauth2/token$" token;
    "~^POST /login$" login_form;
    "~^POST /consent/" consent;
    "~^POST /_matrix/client/[^/]+/login$" compat_login;
    "~^POST /_matrix/client/[^/]+/refresh$" compat_refresh;
  }
  log_format access escape=json '{"log":"access","t":"$time_iso8601","client":"$remote_addr","host":"$host","m":"$request_method","uri":"$uri","s":$status,"bytes":$body_bytes_sent,"rt":$request_time,"urt":"$upstream_response_time","ups":"$upstream_status","to":"$upstream_addr","edge":"$sent_http_{{edgeHeaderVariable}}","probe":$edge_probe,"ua":"$http_user_agent"}';
  log_format slo escape=json '{"log":"slo","t":"$time_iso8601","op":"$slo_op","s":$status,"rt":$request_time,"urt":"$upstream_response_time","ups":"$upstream_status","probe":$edge_probe}';
  access_log /dev/stdout access;
  access_log /dev/stdout slo if=$slo_op;

  server_tokens off;
  absolute_redirect off;
  large_client_header_buffers 4 16k;
  client_max_body_size {{bodyMiB}}m;

  # Docker's name server. An address is asked for again after a second, so a replaced container is found.
  resolver 127.0.0.11 valid=1s ipv6=off;
  resolver_timeout 2s;

  js_set $edge_mark edge.mark;
  js_set $edge_side edge.side;
  js_set $edge_to_synapse edge.synapse;
  js_set $edge_to_login edge.login;
  js_set $edge_to_mas edge.mas;
  map $host $edge_to_element {
    default {{element}};
  }

  # 1 for the probe key. A hash look-up: its time tells nothing about how much of a guess was right.
  map $http_{{probeVariable}} $edge_probe {
    default 0;
    include {{secrets}}/probe.conf;
  }
  map "$edge_mark:$edge_probe" $edge_refused {
    default 1;
    "open:0" 0;
    "open:1" 0;
    "closed:1" 0;
  }
  map "$edge_refused:$request_method" $edge_refused_unless_post {
    default $edge_refused;
    "1:POST" 0;
  }
  # Empty: not counted.
  map "$edge_mark:$edge_probe" $edge_held {
    default "";
    "closed:0" held;
    "unknown:0" held;
  }
{{#if mirror}}
  geo $edge_allowed {
    default 0;
{{#each mirror.allow}}
    {{this}} 1;
{{/each}}
  }
  map "$edge_allowed:$edge_probe" $edge_stranger {
    default 0;
    "0:0" 1;
  }
{{/if}}
  limit_conn_zone $edge_held zone=edge_held:64k;

  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  # The address alone: MAS does not trim a list, and a list would let a client choose its own address.
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto https;
  proxy_set_header {{probeHeader}} "";
  proxy_redirect off;
  proxy_next_upstream off;
  proxy_connect_timeout 5s;
  # Long polls ask for 30 s and more; the first sync of a large account takes minutes.
  proxy_read_timeout 600s;
  proxy_send_timeout 60s;
  # Small answers free Synapse at once; large ones go at the client's pace, never to disk (/tmp is memory). A sync is written in
  # one piece, so buffering delays none.
  proxy_buffering on;
  proxy_max_temp_file_size 0;
{{#if tls}}

  http2 on;
  ssl_certificate {{tls.certificate}};
  ssl_certificate_key {{tls.key}};
  # Mozilla's intermediate profile: every Matrix client and server in use speaks it.
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
  ssl_prefer_server_ciphers off;
  ssl_session_cache shared:edge_tls:10m;
  ssl_session_timeout 1d;
  ssl_session_tickets off;
{{/if}}
{{#if trustedProxies}}

  real_ip_header X-Forwarded-For;
  real_ip_recursive on;
{{#each trustedProxies}}
  set_real_ip_from {{this}};
{{/each}}
{{/if}}

  # Loopback: health check of the container, and the answer for an upstream that the live side does not have.
  server {
    listen 127.0.0.1:{{healthPort}};
    access_log off;
    location = /edge-health {
      js_content edge.report;
    }
    location / {
      js_content edge.nobody;
    }
  }

  # A host name that is not ours.
  server {
{{#each plainListen}}
    listen {{this}} default_server;
{{/each}}
    server_name _;
    access_log off;
    return 444;
  }
{{#if tls}}
  server {
{{#each tlsListen}}
    listen {{this}} ssl default_server;
{{/each}}
    server_name _;
    access_log off;
    ssl_reject_handshake on;
    # A browser that reuses a connection for another host of the same certificate asks again on a new one.
    return 421;
  }
  server {
{{#each plainListen}}
    listen {{this}};
{{/each}}
    server_name {{allHosts}};
    return 301 https://$host{{publicPort}}$request_uri;
  }
{{/if}}
{{#each servers}}

{{> server stranger=@root.mirror}}
{{/each}}
}
`;
