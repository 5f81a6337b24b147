// Asks the pod's name server whether a name exists.
#pragma once

namespace stack::runtime::pod {

// Whether `name` (a Service of the pod's own namespace) has an address or a canonical name now. Uses the first name
// server and the first search domain of /etc/resolv.conf (resolv.conf(5)), which Kubernetes sets to the namespace's
// domain: later domains can be those of the machine's network, where a wildcard answers for every name.
bool name_exists(const char* name);

}  // namespace stack::runtime::pod
