// The members of a container's specification with their names in Docker's POST /containers/create (base/fields.h).
// container_body.cpp reads the other forms that clients may send.
#pragma once

#include "base/fields.h"
#include "docker/container_forms.h"
#include "model/container.h"
#include "model/text_forms.h"

namespace stack {

template <typename V, Like<HealthcheckSpec> S>
void fields(V& v, S& s) {
  v("Test", s.test);
  v("Interval", s.interval);
  v("Timeout", s.timeout);
  v("StartPeriod", s.start_period);
  v("StartInterval", s.start_interval);
  v("Retries", s.retries);
}

template <typename V, Like<MountSpec> S>
void fields(V& v, S& s) {
  v("Type", s.kind);
  v("Source", s.source);
  v("Target", s.target);
  v("ReadOnly", s.read_only);
  v("BindOptions.Propagation", s.propagation);
  v("BindOptions.CreateMountpoint", s.create_host_path);
  v("BindOptions.NonRecursive", Inverted{s.recursive});
  v("BindOptions.ReadOnlyNonRecursive", s.read_only_top);
  v("BindOptions.MapOwner", s.map_owner);
  v("VolumeOptions.NoCopy", s.no_copy);
  v("VolumeOptions.DriverConfig.Name", s.volume_driver);
  v("VolumeOptions.DriverConfig.Options", s.volume_options);
  v("VolumeOptions.Labels", s.volume_labels);
  v(s.kind == MountKind::Image ? "ImageOptions.Subpath" : "VolumeOptions.Subpath", s.subpath);
  v("TmpfsOptions.SizeBytes", s.tmpfs_size);
  v("TmpfsOptions.Mode", s.tmpfs_mode);
  v("TmpfsOptions.Options", docker::TmpfsOptionList{s.tmpfs_options});
}

template <typename V, Like<FileSpec> S>
void fields(V& v, S& s) {
  v("Target", s.target);
  v.spread(docker::FileContent{s.content});
  v("HostPath", s.host_path);
  v("Uid", s.uid);
  v("Gid", s.gid);
  v("Mode", Always{s.mode});
  v("Secret", s.secret);
}

// A member of NetworkingConfig.EndpointsConfig, whose name is the network.
template <typename V, Like<EndpointSpec> S>
void fields(V& v, S& s) {
  v("Aliases", s.aliases);
  v("Links", s.links);
  v("MacAddress", s.mac_address);
  v("DriverOpts", s.driver_opts);
  v("GwPriority", s.gw_priority);
  v("IPAMConfig.IPv4Address", s.ipv4_address);
  v("IPAMConfig.IPv6Address", s.ipv6_address);
  v("IPAMConfig.LinkLocalIPs", s.link_local_ips);
  v("Stack.InterfaceName", s.interface_name);
  v("Stack.Priority", s.priority);
}

template <typename V, Like<UlimitSpec> S>
void fields(V& v, S& s) {
  v("Name", s.name);
  v("Soft", s.soft);
  v("Hard", s.hard);
}

template <typename V, Like<DeviceSpec> S>
void fields(V& v, S& s) {
  v("PathOnHost", s.host_path);
  v("PathInContainer", s.container_path);
  v("CgroupPermissions", s.permissions);
}

template <typename V, Like<RestartSpec> S>
void fields(V& v, S& s) {
  v("Name", s.name);
  v("MaximumRetryCount", s.max_retries);
}

template <typename V, Like<LogSpec> S>
void fields(V& v, S& s) {
  v("Type", s.driver);
  v("Config", s.options);
}

template <typename V, Like<HookSpec> S>
void fields(V& v, S& s) {
  v("Command", s.command);
  v("User", s.user);
  v("Privileged", s.privileged);
  v("WorkingDir", s.working_dir);
  v("Env", s.env);
}

// Members of HostConfig, and of the body of POST /containers/{id}/update.
template <typename V, Like<ResourceSpec> S>
void fields(V& v, S& s) {
  v("Memory", s.memory);
  v("MemoryReservation", s.memory_reservation);
  v("MemorySwap", s.memory_swap);
  v("MemorySwappiness", none_at<-1>(s.memory_swappiness));
  v("NanoCpus", s.nano_cpus);
  v("CpuShares", s.cpu_shares);
  v("CpuPeriod", s.cpu_period);
  v("CpuQuota", s.cpu_quota);
  v("CpuRealtimePeriod", s.cpu_rt_period);
  v("CpuRealtimeRuntime", s.cpu_rt_runtime);
  v("CpusetCpus", s.cpuset_cpus);
  v("CpusetMems", s.cpuset_mems);
  v("PidsLimit", s.pids_limit);
  v("OomKillDisable", s.oom_kill_disable);
  v("CgroupParent", s.cgroup_parent);
  v.spread(docker::BlkioMembers{s.blkio});
  v("Ulimits", s.ulimits);
  v("Devices", s.devices);
  v("DeviceCgroupRules", s.device_cgroup_rules);
}

template <typename V, Like<ContainerSpec> S>
void process_fields(V& v, S& s) {
  v("Image", s.image);
  v("Entrypoint", StringOrList{s.entrypoint});
  v("Cmd", StringOrList{s.command});
  v("Env", s.env);
  v("WorkingDir", s.working_dir);
  v("User", s.user);
  v("Hostname", s.hostname);
  v("Domainname", s.domainname);
  v("Tty", s.tty);
  v("OpenStdin", s.open_stdin);
  v("StdinOnce", s.stdin_once);
  v("AttachStdin", s.attach_stdin);
  v("AttachStdout", s.attach_stdout);
  v("AttachStderr", s.attach_stderr);
  v("StopSignal", s.stop_signal);
  v("StopTimeout", s.stop_timeout);
  v("Healthcheck", s.healthcheck);
  v("Labels", s.labels);
  v("ExposedPorts", docker::ExposedPorts{s.exposed_ports});
}

template <typename V, Like<ContainerSpec> S>
void host_fields(V& v, S& s) {
  v("Mounts", docker::LongFormMounts{s.mounts});
  v("VolumesFrom", s.volumes_from);
  v("ReadonlyRootfs", s.read_only);
  v("ShmSize", docker::SizeUnlessZero{s.shm_size});
  v("StorageOpt", s.storage_opt);
  v("VolumeDriver", s.volume_driver);
  v("PortBindings", docker::PortBindings{s.ports});
  v("PublishAllPorts", s.publish_all);
  v("Links", s.links);
  v("ExtraHosts", s.extra_hosts);
  v("Dns", s.dns);
  v("DnsSearch", s.dns_search);
  v("DnsOptions", s.dns_options);
  v("GroupAdd", s.group_add);
  v("Annotations", s.annotations);
  v("Privileged", s.privileged);
  v("CapAdd", s.cap_add);
  v("CapDrop", s.cap_drop);
  v("SecurityOpt", s.security_opt);
  v("Sysctls", s.sysctls);
  v("IpcMode", s.ipc_mode);
  v("PidMode", s.pid_mode);
  v("UTSMode", s.uts_mode);
  v("UsernsMode", s.userns_mode);
  v("CgroupnsMode", s.cgroup_mode);
  v("OomScoreAdj", none_at<0>(s.oom_score_adj));
  v("Init", s.init);
  v("Runtime", s.runtime);
  v("Isolation", s.isolation);
  v("RestartPolicy", s.restart);
  v("AutoRemove", s.auto_remove);
  v("LogConfig", s.log);
}

// Members without a counterpart in Docker's body.
template <typename V, Like<ContainerSpec> S>
void own_fields(V& v, S& s) {
  v("Name", s.name);
  v("Platform", s.platform);
  v("Files", s.files);
  v("ApiSocket", s.api_socket);
  v("RestartDelay", s.restart.delay);
  v("RestartWindow", s.restart.window);
  v("PostStart", s.post_start);
  v("PreStop", s.pre_stop);
}

template <typename V, Like<ContainerSpec> S>
void fields(V& v, S& s) {
  process_fields(v, s);
  auto host = v.at("HostConfig");
  host_fields(host, s);
  fields(host, s.resources);
  auto own = v.at("Stack");
  own_fields(own, s);
}

}  // namespace stack
