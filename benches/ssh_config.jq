# The ssh_config of one saved answer, byte for byte what `prime-ssh config` prints for it: what it is
# measured against. It trusts the answer, names nothing twice and sorts nothing, as a quick script does.
def plain: gsub("[^A-Za-z0-9 ._:/@+=,()-]"; "_");
.data
| . as $cluster
| "prime.\(.name)" as $ours
| (.nodes | map(select(.connections[0].isControlNode)) | first.name) as $jump
| "# \(.name | plain): \(.nodes | length) hosts of cluster \(.id) (\(.providerType | plain), \(.gpuCount) x \(.gpuName | plain)). Written by prime-ssh; changes here are lost.",
  (.nodes[] | . as $node | .connections[]
   | "Host \($ours).\($node.name)\(if $node.name == $jump then " " + $ours else "" end)",
     "  HostName \(.host)",
     "  User \(.user)",
     "  Port \(.port)",
     "  HostKeyAlias prime-\(.podId)",
     (if .isControlNode then empty else "  ProxyJump \($ours).\($jump)" end),
     "  ControlPath ~/.ssh/%r@prime-\(.podId)"),
  "# For all of them.",
  "Host \($ours) \($ours).*",
  "  StrictHostKeyChecking accept-new",
  "  ServerAliveInterval 30",
  "  ConnectTimeout 15",
  "",
  "# A name that is not above leads nowhere, at once.",
  "Host \($ours) \($ours).*",
  "  HostName %h.invalid.",
  "",
  "# Nothing below belongs to these hosts.",
  "Host *"
