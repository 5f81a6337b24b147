// Container members whose JSON form in Docker differs from ours (base/fields.h: JsonForm, spread), and the checks
// and defaults after a member is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "model/container.h"

namespace stack {

template <>
struct TextForm<MountKind> {
  static constexpr const char* kExpected = "bind, volume, tmpfs or image";
  static std::string write(MountKind kind);
  static std::optional<MountKind> read(const std::string& text);  // "" is a volume
};

void settle(const Members& members, MountSpec& mount);
void settle(const Members& members, FileSpec& file);
void settle(const Members& members, EndpointSpec& endpoint);
void settle(const Members& members, DeviceSpec& device);
void settle(const Members& members, RestartSpec& restart);
void settle(const Members& members, LogSpec& log);

}  // namespace stack

namespace stack::docker {

// "uid=1000,noexec" as [["uid","1000"],["noexec"]].
Json tmpfs_option_list(const std::string& options);
void read_tmpfs_option_list(const Members& members, const char* key, std::string& options);
// {"80/tcp": {}}
Json exposed_ports(const std::vector<std::string>& ports);
void read_exposed_ports(const Members& members, const char* key, std::vector<std::string>& ports);
// {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080-8090"}]}
Json port_bindings(const std::vector<PortSpec>& ports);
void read_port_bindings(const Members& members, const char* key, std::vector<PortSpec>& ports);
// Writes "Content" for plain text, else "ContentHex".
void write_content(const FieldWriter& writer, const std::string& content);
void read_content(const Members& members, std::string& content);
// BlkioWeight, BlkioWeightDevice, ...
void write_blkio(const FieldWriter& writer, const Json& blkio);
void read_blkio(const Members& members, Json& blkio);

template <typename T>
struct TmpfsOptionList {
  T& options;
  Json write() const { return tmpfs_option_list(options); }
  void read(const Members& members, const char* key) const { read_tmpfs_option_list(members, key, options); }
};
template <typename T>
TmpfsOptionList(T&) -> TmpfsOptionList<T>;

// The mounts that were not given in a short form (MountSpec::short_form).
template <typename T>
struct LongFormMounts {
  T& mounts;
  Json write() const {
    Json list = Json::array();
    for (const MountSpec& mount : mounts)
      if (!mount.short_form) list.push_back(fields_to_json(mount, Defaults::Omitted));
    return list;
  }
  void read(const Members& members, const char* key) const {
    members.each_item(key, [&](const Members& item) { FieldReader::read_all(item, mounts.emplace_back()); });
  }
};
template <typename T>
LongFormMounts(T&) -> LongFormMounts<T>;

template <typename T>
struct ExposedPorts {
  T& ports;
  Json write() const { return exposed_ports(ports); }
  void read(const Members& members, const char* key) const { read_exposed_ports(members, key, ports); }
};
template <typename T>
ExposedPorts(T&) -> ExposedPorts<T>;

template <typename T>
struct PortBindings {
  T& ports;
  Json write() const { return port_bindings(ports); }
  void read(const Members& members, const char* key) const { read_port_bindings(members, key, ports); }
};
template <typename T>
PortBindings(T&) -> PortBindings<T>;

// An optional size; 0 means absent.
template <typename T>
struct SizeUnlessZero {
  static constexpr bool kOptional = true;
  T& size;
  Json write() const { return size ? Json(size->bytes) : Json(); }
  void read(const Members& members, const char* key) const {
    int64_t bytes = 0;
    members.read(key, bytes);
    if (bytes < 0) members.wrong(key, "a size that is not negative");
    if (bytes > 0) size = ByteSize{bytes};
  }
};
template <typename T>
SizeUnlessZero(T&) -> SizeUnlessZero<T>;

template <typename T>
struct FileContent {
  T& content;
  void write(const FieldWriter& writer) const { write_content(writer, content); }
  void read(const Members& members) const { read_content(members, content); }
};
template <typename T>
FileContent(T&) -> FileContent<T>;

template <typename T>
struct BlkioMembers {
  T& blkio;
  void write(const FieldWriter& writer) const { write_blkio(writer, blkio); }
  void read(const Members& members) const { read_blkio(members, blkio); }
};
template <typename T>
BlkioMembers(T&) -> BlkioMembers<T>;

}  // namespace stack::docker
