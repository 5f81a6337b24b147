#include "engine/container/seccomp_filters.h"

#include <linux/seccomp.h>

#include "base/json.h"
#include "engine/container/oci_config.h"
#include "runtime/seccomp/seccomp.h"
#include "runtime/spec/defaults.h"

namespace stack::engine {

Result<SeccompFilter> SeccompFilters::filter_of(const ContainerSpec& spec, bool privileged) {
  TRY_ASSIGN(SecurityOptions security, parse_security_options(spec.security_opt));
  if (privileged || security.seccomp_unconfined) return SeccompFilter();
  TRY_ASSIGN(std::vector<std::string> capabilities, capabilities_of(spec));
  runtime::SeccompRequest request;
  request.profile = security.seccomp_profile.empty() ? std::string(runtime::default_seccomp_profile())
                                                     : security.seccomp_profile;
  request.capabilities.insert(capabilities.begin(), capabilities.end());
  std::string key = security.seccomp_profile;
  for (const std::string& capability : request.capabilities) key += " " + capability;
  if (auto known = filters_.find(key); known != filters_.end()) return known->second;
  SeccompFilter filter;
  TRY_ASSIGN(filter.bpf, runtime::cached_seccomp(request, cache_folder_));
  TRY_ASSIGN(Json profile, parse_json(request.profile));
  TRY_ASSIGN(std::optional<unsigned> flags, runtime::seccomp_flags(profile));
  // This flag concerns listeners, which the engine does not use.
  filter.flags = flags.value_or(0) & ~static_cast<unsigned>(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  filters_[key] = filter;
  return filter;
}

}  // namespace stack::engine
