# The fragment of one saved answer, byte for byte what `prime-ssh config` prints for it: what it is
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
     (if .port == 22 then empty else "  Port \(.port)" end),
     "  HostKeyAlias prime-\(.podId)\(if .port == 22 then "" else "-\(.port)" end)",
     (if .isControlNode then empty else "  ProxyJump \($ours).\($jump)" end)),
  "# What all of them share. A name that is not above leads nowhere, at once.",
  "Host \($ours) \($ours).*",
  "  HostName %h.invalid.",
  "  User \(.nodes[0].connections[0].user)",
  "  ControlPath \"~/.ssh/%r@%k\"",
  "  StrictHostKeyChecking accept-new",
  "  ServerAliveInterval 30",
  "  ConnectTimeout 15"
