/** Handlebars source of one virtual host of nginx.conf. */
export const serverBlock = String.raw`  server {
{{#each listen}}
    listen {{this}};
{{/each}}
    server_name {{name}};
    # Only nginx's own failures: an upstream's 5xx passes as it is. A client never sees a bare 502.
    error_page 500 502 503 504 = @closed;
    error_page 413 = @too_large;
{{#if stranger}}

    # A mirror holds people's data: only the addresses of the allow-list, and probes.
    default_type application/json;
    if ($edge_stranger) {
      return 403 '{"errcode":"M_FORBIDDEN","error":"This server is a closed copy."}';
    }
{{/if}}

    location @closed {
      js_content edge.{{closedAnswer}};
    }
    location @too_large {
      js_content edge.tooLarge;
    }
    location = /.edge/state {
      js_content edge.state;
    }
{{#if holds}}
    location = /.edge/hold {
      internal;
      js_content edge.hold;
    }
{{/if}}
{{#if registers}}
    location @registration {
      proxy_pass http://{{registers}};
    }
{{/if}}
{{#each locations}}

    # {{name}}
    location {{{matcher}}} {
{{#if refuse}}
      if ({{refuse}}) {
        return 503;
      }
{{/if}}
{{#if hold}}
      limit_conn edge_held {{hold}};
      auth_request /.edge/hold;
      error_page 403 500 502 503 504 = @closed;
      error_page 413 = @too_large;
{{/if}}
{{#if upload}}
      client_max_body_size {{upload}}m;
      proxy_request_buffering off;
{{/if}}
{{#if checked}}
      # In memory, where the script can read it.
      client_max_body_size 64k;
      client_body_buffer_size 64k;
      js_content edge.registration;
{{/if}}
{{#if upstream}}
      proxy_pass http://{{upstream}};
{{/if}}
{{#if own}}
      default_type application/json;
      add_header Access-Control-Allow-Origin "*" always;
      add_header Access-Control-Allow-Methods "{{own.allowMethods}}" always;
      add_header Access-Control-Allow-Headers "{{own.allowHeaders}}" always;
{{#if own.file}}
      # Short, so that a move is seen soon.
      add_header Cache-Control "public, max-age=60" always;
      if ($request_method = OPTIONS) {
        return 204;
      }
      alias {{own.file}};
{{else}}
      return {{own.status}} '{{{own.body}}}';
{{/if}}
{{/if}}
    }
{{/each}}
  }
`;
