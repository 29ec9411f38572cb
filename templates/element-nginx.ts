import { innerPorts, paths } from '../model/names.ts';

/**
 * nginx.conf of Element's container: the image's files with our config.json among them. The image's own entry point writes
 * into /etc/nginx, which a read-only root forbids. Caching as Element asks of its host (element-web docs/install.md).
 */
export const elementNginxConf = `daemon off;
pid /tmp/nginx.pid;
error_log stderr notice;
events {
  worker_connections 1024;
}
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  access_log off;
  server_tokens off;
  client_body_temp_path /tmp/client_body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  server {
    listen ${innerPorts.element};
    root /app;
    index index.html;
    add_header X-Frame-Options SAMEORIGIN;
    add_header Content-Security-Policy "frame-ancestors 'self'";
    location = /config.json {
      root ${paths.config};
      add_header Cache-Control no-cache;
    }
    location ~ ^/(index\\.html|version|)$ {
      add_header Cache-Control no-cache;
      add_header X-Frame-Options SAMEORIGIN;
      add_header Content-Security-Policy "frame-ancestors 'self'";
    }
  }
}
`;
