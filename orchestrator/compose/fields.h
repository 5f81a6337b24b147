// The members of every type in project.h with their names in the Compose Specification. Three visitors use the lists:
// reading from the tree, writing JSON, and reading JSON. A dotted name is a nested member.
#pragma once

#include <concepts>
#include <type_traits>

#include "orchestrator/compose/project.h"

namespace stack::compose {

template <typename S, typename T>
concept Like = std::same_as<std::remove_const_t<S>, T>;

template <typename V, Like<PortMapping> S>
void fields(V& v, S& s) {
  v("name", s.name);
  v("mode", s.mode);
  v("host_ip", s.host_ip);
  v("target", s.target);
  v("published", s.published);
  v("protocol", s.protocol);
  v("app_protocol", s.app_protocol);
}

template <typename V, Like<BindOptions> S>
void fields(V& v, S& s) {
  v("propagation", s.propagation);
  v("create_host_path", s.create_host_path);
  v("recursive", s.recursive);
  v("selinux", s.selinux);
}

template <typename V, Like<VolumeOptions> S>
void fields(V& v, S& s) {
  v("labels", s.labels);
  v("nocopy", s.nocopy);
  v("subpath", s.subpath);
}

template <typename V, Like<TmpfsOptions> S>
void fields(V& v, S& s) {
  v("size", s.size);
  v("mode", s.mode);
}

template <typename V, Like<ImageOptions> S>
void fields(V& v, S& s) {
  v("subpath", s.subpath);
}

template <typename V, Like<VolumeMount> S>
void fields(V& v, S& s) {
  v("type", s.type);
  v("source", s.source);
  v("target", s.target);
  v("read_only", s.read_only);
  v("consistency", s.consistency);
  v("bind", s.bind);
  v("volume", s.volume);
  v("tmpfs", s.tmpfs);
  v("image", s.image);
  v("x-stack.idmap", s.id_map);
}

template <typename V, Like<FileMount> S>
void fields(V& v, S& s) {
  v("source", s.source);
  v("target", s.target);
  v("uid", s.uid);
  v("gid", s.gid);
  v("mode", s.mode);
}

template <typename V, Like<Ulimit> S>
void fields(V& v, S& s) {
  v("soft", s.soft);
  v("hard", s.hard);
}

template <typename V, Like<Dependency> S>
void fields(V& v, S& s) {
  v("condition", s.condition);
  v("restart", s.restart);
  v("required", s.required);
  v("implicit", s.implicit);
}

template <typename V, Like<Healthcheck> S>
void fields(V& v, S& s) {
  v("disable", s.disable);
  v("test", s.test);
  v("interval", s.interval);
  v("timeout", s.timeout);
  v("retries", s.retries);
  v("start_period", s.start_period);
  v("start_interval", s.start_interval);
}

template <typename V, Like<Logging> S>
void fields(V& v, S& s) {
  v("driver", s.driver);
  v("options", s.options);
}

template <typename V, Like<BlkioWeightDevice> S>
void fields(V& v, S& s) {
  v("path", s.path);
  v("weight", s.weight);
}

template <typename V, Like<BlkioRateDevice> S>
void fields(V& v, S& s) {
  v("path", s.path);
  v("rate", s.rate);
}

template <typename V, Like<BlkioConfig> S>
void fields(V& v, S& s) {
  v("weight", s.weight);
  v("weight_device", s.weight_device);
  v("device_read_bps", s.device_read_bps);
  v("device_read_iops", s.device_read_iops);
  v("device_write_bps", s.device_write_bps);
  v("device_write_iops", s.device_write_iops);
}

template <typename V, Like<DeviceMapping> S>
void fields(V& v, S& s) {
  v("source", s.source);
  v("target", s.target);
  v("permissions", s.permissions);
}

template <typename V, Like<DeviceRequest> S>
void fields(V& v, S& s) {
  v("capabilities", s.capabilities);
  v("count", s.count);
  v("device_ids", s.device_ids);
  v("driver", s.driver);
  v("options", s.options);
}

template <typename V, Like<ResourceLimits> S>
void fields(V& v, S& s) {
  v("cpus", s.cpus);
  v("memory", s.memory);
  v("pids", s.pids);
}

template <typename V, Like<GenericResource> S>
void fields(V& v, S& s) {
  v("discrete_resource_spec.kind", s.kind);
  v("discrete_resource_spec.value", s.value);
}

template <typename V, Like<ResourceReservations> S>
void fields(V& v, S& s) {
  v("cpus", s.cpus);
  v("memory", s.memory);
  v("generic_resources", s.generic_resources);
  v("devices", s.devices);
}

template <typename V, Like<UpdateConfig> S>
void fields(V& v, S& s) {
  v("parallelism", s.parallelism);
  v("delay", s.delay);
  v("failure_action", s.failure_action);
  v("monitor", s.monitor);
  v("max_failure_ratio", s.max_failure_ratio);
  v("order", s.order);
}

template <typename V, Like<DeployRestartPolicy> S>
void fields(V& v, S& s) {
  v("condition", s.condition);
  v("delay", s.delay);
  v("max_attempts", s.max_attempts);
  v("window", s.window);
}

template <typename V, Like<PlacementPreference> S>
void fields(V& v, S& s) {
  v("spread", s.spread);
}

template <typename V, Like<Placement> S>
void fields(V& v, S& s) {
  v("constraints", s.constraints);
  v("preferences", s.preferences);
  v("max_replicas_per_node", s.max_replicas_per_node);
}

template <typename V, Like<Deploy> S>
void fields(V& v, S& s) {
  v("mode", s.mode);
  v("endpoint_mode", s.endpoint_mode);
  v("replicas", s.replicas);
  v("labels", s.labels);
  v("update_config", s.update_config);
  v("rollback_config", s.rollback_config);
  v("resources.limits", s.limits);
  v("resources.reservations", s.reservations);
  v("restart_policy", s.restart_policy);
  v("placement", s.placement);
}

template <typename V, Like<Build> S>
void fields(V& v, S& s) {
  v("context", s.context);
  v("dockerfile", s.dockerfile);
  v("dockerfile_inline", s.dockerfile_inline);
  v("entitlements", s.entitlements);
  v("args", s.args);
  v("ssh", s.ssh);
  v("labels", s.labels);
  v("cache_from", s.cache_from);
  v("cache_to", s.cache_to);
  v("no_cache", s.no_cache);
  v("no_cache_filter", s.no_cache_filter);
  v("additional_contexts", s.additional_contexts);
  v("pull", s.pull);
  v("extra_hosts", s.extra_hosts);
  v("isolation", s.isolation);
  v("network", s.network);
  v("provenance", s.provenance);
  v("sbom", s.sbom);
  v("secrets", s.secrets);
  v("shm_size", s.shm_size);
  v("tags", s.tags);
  v("target", s.target);
  v("ulimits", s.ulimits);
  v("platforms", s.platforms);
  v("privileged", s.privileged);
}

template <typename V, Like<ServiceHook> S>
void fields(V& v, S& s) {
  v("command", s.command);
  v("image", s.image);
  v("user", s.user);
  v("privileged", s.privileged);
  v("working_dir", s.working_dir);
  v("environment", s.environment);
  v("volumes", s.volumes);
  v("extra_hosts", s.extra_hosts);
}

template <typename V, Like<WatchRule> S>
void fields(V& v, S& s) {
  v("path", s.path);
  v("action", s.action);
  v("target", s.target);
  v("ignore", s.ignore);
  v("include", s.include);
  v("exec", s.exec);
  v("initial_sync", s.initial_sync);
}

template <typename V, Like<ServiceNetwork> S>
void fields(V& v, S& s) {
  v("aliases", s.aliases);
  v("interface_name", s.interface_name);
  v("ipv4_address", s.ipv4_address);
  v("ipv6_address", s.ipv6_address);
  v("link_local_ips", s.link_local_ips);
  v("mac_address", s.mac_address);
  v("driver_opts", s.driver_opts);
  v("priority", s.priority);
  v("gw_priority", s.gw_priority);
}

template <typename V, Like<ServiceModel> S>
void fields(V& v, S& s) {
  v("endpoint_var", s.endpoint_var);
  v("model_var", s.model_var);
}

template <typename V, Like<Provider> S>
void fields(V& v, S& s) {
  v("type", s.type);
  v("options", s.options);
}

template <typename V, Like<CredentialSpec> S>
void fields(V& v, S& s) {
  v("config", s.config);
  v("file", s.file);
  v("registry", s.registry);
}

template <typename V, Like<Service> S>
void fields(V& v, S& s) {
  v("profiles", s.profiles);
  v("image", s.image);
  v("build", s.build);
  v("pull_policy", s.pull_policy);
  v("pull_refresh_after", s.pull_refresh_after);
  v("platform", s.platform);
  v("command", s.command);
  v("entrypoint", s.entrypoint);
  v("working_dir", s.working_dir);
  v("user", s.user);
  v("group_add", s.group_add);
  v("init", s.init);
  v("tty", s.tty);
  v("stdin_open", s.stdin_open);
  v("stop_signal", s.stop_signal);
  v("stop_grace_period", s.stop_grace_period);
  v("attach", s.attach);
  v("environment", s.environment);
  v("labels", s.labels);
  v("annotations", s.annotations);
  v("depends_on", s.depends_on);
  v("restart", s.restart);
  v("healthcheck", s.healthcheck);
  v("pre_start", s.pre_start);
  v("post_start", s.post_start);
  v("pre_stop", s.pre_stop);
  v("scale", s.scale);
  v("deploy", s.deploy);
  v("develop.watch", s.watch);
  v("provider", s.provider);
  v("container_name", s.container_name);
  v("hostname", s.hostname);
  v("domainname", s.domainname);
  v("network_mode", s.network_mode);
  v("networks", s.networks);
  v("ports", s.ports);
  v("expose", s.expose);
  v("dns", s.dns);
  v("dns_opt", s.dns_opt);
  v("dns_search", s.dns_search);
  v("extra_hosts", s.extra_hosts);
  v("links", s.links);
  v("external_links", s.external_links);
  v("mac_address", s.mac_address);
  v("volumes", s.volumes);
  v("volumes_from", s.volumes_from);
  v("tmpfs", s.tmpfs);
  v("configs", s.configs);
  v("secrets", s.secrets);
  v("read_only", s.read_only);
  v("storage_opt", s.storage_opt);
  v("shm_size", s.shm_size);
  v("cpus", s.cpus);
  v("cpu_count", s.cpu_count);
  v("cpu_percent", s.cpu_percent);
  v("cpu_shares", s.cpu_shares);
  v("cpu_quota", s.cpu_quota);
  v("cpu_period", s.cpu_period);
  v("cpu_rt_period", s.cpu_rt_period);
  v("cpu_rt_runtime", s.cpu_rt_runtime);
  v("cpuset", s.cpuset);
  v("mem_limit", s.mem_limit);
  v("mem_reservation", s.mem_reservation);
  v("memswap_limit", s.memswap_limit);
  v("mem_swappiness", s.mem_swappiness);
  v("oom_kill_disable", s.oom_kill_disable);
  v("oom_score_adj", s.oom_score_adj);
  v("pids_limit", s.pids_limit);
  v("blkio_config", s.blkio_config);
  v("ulimits", s.ulimits);
  v("devices", s.devices);
  v("device_cgroup_rules", s.device_cgroup_rules);
  v("gpus", s.gpus);
  v("cap_add", s.cap_add);
  v("cap_drop", s.cap_drop);
  v("privileged", s.privileged);
  v("security_opt", s.security_opt);
  v("userns_mode", s.userns_mode);
  v("pid", s.pid);
  v("ipc", s.ipc);
  v("uts", s.uts);
  v("cgroup", s.cgroup);
  v("cgroup_parent", s.cgroup_parent);
  v("runtime", s.runtime);
  v("isolation", s.isolation);
  v("sysctls", s.sysctls);
  v("credential_spec", s.credential_spec);
  v("use_api_socket", s.use_api_socket);
  v("logging", s.logging);
  v("models", s.models);
  v.extensions(s.extensions);
}

template <typename V, Like<IpamPool> S>
void fields(V& v, S& s) {
  v("subnet", s.subnet);
  v("ip_range", s.ip_range);
  v("gateway", s.gateway);
  v("aux_addresses", s.aux_addresses);
}

template <typename V, Like<Ipam> S>
void fields(V& v, S& s) {
  v("driver", s.driver);
  v("config", s.config);
  v("options", s.options);
}

template <typename V, Like<Network> S>
void fields(V& v, S& s) {
  v("name", s.name);
  v("driver", s.driver);
  v("driver_opts", s.driver_opts);
  v("ipam", s.ipam);
  v("external", s.external);
  v("internal", s.internal);
  v("attachable", s.attachable);
  v("enable_ipv4", s.enable_ipv4);
  v("enable_ipv6", s.enable_ipv6);
  v("labels", s.labels);
  v.extensions(s.extensions);
}

template <typename V, Like<Volume> S>
void fields(V& v, S& s) {
  v("name", s.name);
  v("driver", s.driver);
  v("driver_opts", s.driver_opts);
  v("external", s.external);
  v("labels", s.labels);
  v.extensions(s.extensions);
}

template <typename V, Like<FileObject> S>
void fields(V& v, S& s) {
  v("name", s.name);
  v("external", s.external);
  v("file", s.file);
  v("environment", s.environment);
  v("content", s.content);
  v("labels", s.labels);
  v("driver", s.driver);
  v("driver_opts", s.driver_opts);
  v("template_driver", s.template_driver);
  v.extensions(s.extensions);
}

template <typename V, Like<Model> S>
void fields(V& v, S& s) {
  v("name", s.name);
  v("model", s.model);
  v("context_size", s.context_size);
  v("runtime_flags", s.runtime_flags);
}

}  // namespace stack::compose
