#include "cli/commands/docker/mount_flag.h"

#include <charconv>

#include "base/files.h"
#include "base/text.h"
#include "base/units.h"

namespace stack::cli::docker_cli {

namespace {

Error bad_mount(const std::string& text, const std::string& why) {
  return invalid("invalid argument \"" + text + "\" for \"--mount\" flag: " + why);
}

// A comma-separated record in which a field may be quoted (RFC 4180).
std::vector<std::string> csv_fields(const std::string& text) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      fields.back() += text[++i];
    } else if (c == '"' && (quoted || fields.back().empty())) {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

bool parse_truth(const std::string& value, bool& out) {
  if (value.empty() || value == "1" || value == "true" || value == "True" || value == "TRUE" ||
      value == "t") {
    out = true;
    return true;
  }
  out = false;
  return value == "0" || value == "false" || value == "False" || value == "FALSE" || value == "f";
}

// Applies one "key=value" of --mount to the mount.
class MountFlag {
 public:
  MountFlag(const std::string& text, const std::string& directory) : text_(text), directory_(directory) {}

  Result<Json> parse() {
    mount_ = {{"Type", "volume"}};
    for (const std::string& field : csv_fields(text_)) {
      size_t equals = field.find('=');
      std::string key = lower(field.substr(0, equals));
      TRY(take(key, equals == std::string::npos ? "" : field.substr(equals + 1),
               equals != std::string::npos));
    }
    if (string_or(mount_, "Target").empty()) return bad_mount(text_, "target is required");
    std::string type = string_or(mount_, "Type");
    std::string source = string_or(mount_, "Source");
    if (type == "bind" && source.empty()) return bad_mount(text_, "source is required for bind mounts");
    if (type == "bind") mount_["Source"] = absolute_path(directory_, source);
    return mount_;
  }

 private:
  Result<> take(const std::string& key, const std::string& value, bool has_value) {
    if (key == "readonly" || key == "ro") return flag(key, value, "ReadOnly", mount_);
    if (key == "volume-nocopy") return flag(key, value, "NoCopy", mount_["VolumeOptions"]);
    if (key == "bind-nonrecursive") return flag(key, value, "NonRecursive", mount_["BindOptions"]);
    if (!has_value) return bad_mount(text_, "invalid field '" + key + "' must be a key=value pair");
    if (key == "type")
      mount_["Type"] = lower(value);
    else if (key == "source" || key == "src")
      mount_["Source"] = value;
    else if (key == "target" || key == "dst" || key == "destination")
      mount_["Target"] = value;
    else if (key == "consistency")
      mount_["Consistency"] = lower(value);
    else if (key == "bind-propagation")
      mount_["BindOptions"]["Propagation"] = lower(value);
    else if (key == "bind-recursive")
      return recursive(value);
    else if (key == "volume-subpath")
      mount_["VolumeOptions"]["Subpath"] = value;
    else if (key == "volume-driver")
      mount_["VolumeOptions"]["DriverConfig"]["Name"] = value;
    else if (key == "volume-label")
      pair(mount_["VolumeOptions"]["Labels"], value);
    else if (key == "volume-opt")
      pair(mount_["VolumeOptions"]["DriverConfig"]["Options"], value);
    else if (key == "image-subpath")
      mount_["ImageOptions"]["Subpath"] = value;
    else if (key == "tmpfs-size")
      return size(value);
    else if (key == "tmpfs-mode")
      return mode(value);
    else
      return bad_mount(text_, "unexpected key '" + key + "' in '" + key + "=" + value + "'");
    return {};
  }

  Result<> flag(const std::string& key, const std::string& value, const char* member, Json& object) {
    bool on = false;
    if (!parse_truth(value, on)) return bad_mount(text_, "invalid value for " + key + ": " + value);
    object[member] = on;
    return {};
  }

  // https://docs.docker.com/engine/storage/bind-mounts/#recursive-mounts
  Result<> recursive(const std::string& value) {
    if (value == "disabled")
      mount_["BindOptions"]["NonRecursive"] = true;
    else if (value == "writable")
      mount_["BindOptions"]["ReadOnlyNonRecursive"] = true;
    else if (value == "readonly")
      mount_["BindOptions"]["ReadOnlyForceRecursive"] = true;
    else if (value != "enabled")
      return bad_mount(text_, "invalid value for bind-recursive: " + value +
                                  " (must be \"enabled\", \"disabled\", \"writable\", or \"readonly\")");
    return {};
  }

  static void pair(Json& map, const std::string& value) {
    size_t equals = value.find('=');
    map[value.substr(0, equals)] = equals == std::string::npos ? "" : value.substr(equals + 1);
  }

  Result<> size(const std::string& value) {
    auto bytes = parse_byte_size(value);
    if (!bytes) return bad_mount(text_, "invalid value for tmpfs-size: " + value);
    mount_["TmpfsOptions"]["SizeBytes"] = bytes->bytes;
    return {};
  }

  Result<> mode(const std::string& value) {
    unsigned bits = 0;
    auto end = std::from_chars(value.data(), value.data() + value.size(), bits, 8);
    if (end.ec != std::errc() || end.ptr != value.data() + value.size())
      return bad_mount(text_, "invalid value for tmpfs-mode: " + value);
    mount_["TmpfsOptions"]["Mode"] = bits;
    return {};
  }

  const std::string& text_;
  const std::string& directory_;
  Json mount_;
};

// A path that begins with "." is relative to the caller's folder.
std::string absolute_source(const std::string& volume, const std::string& directory) {
  size_t colon = volume.find(':');
  std::string source = volume.substr(0, colon);
  if (!source.starts_with('.')) return volume;
  return absolute_path(directory, source) + volume.substr(colon);
}

}  // namespace

Result<Json> parse_mount_flag(const std::string& text, const std::string& current_directory) {
  return MountFlag(text, current_directory).parse();
}

Result<> put_mounts(Json& body, Json& host, const Session& session, const Arguments& arguments) {
  Json binds = Json::array(), anonymous = Json::object(), mounts = Json::array(), tmpfs = Json::object();
  for (const std::string& volume : arguments.all("volume")) {
    if (volume.starts_with(':') || volume.ends_with(':') || volume.find("::") != std::string::npos)
      return invalid("invalid spec: " + volume + ": empty section between colons");
    if (volume.find(':') == std::string::npos) {
      anonymous[volume] = Json::object();
    } else {
      binds.push_back(absolute_source(volume, session.current_directory()));
    }
  }
  for (const std::string& text : arguments.all("mount")) {
    TRY_ASSIGN(Json mount, parse_mount_flag(text, session.current_directory()));
    mounts.push_back(std::move(mount));
  }
  for (const std::string& text : arguments.all("tmpfs")) {
    size_t colon = text.find(':');
    tmpfs[text.substr(0, colon)] = colon == std::string::npos ? "" : text.substr(colon + 1);
  }
  if (arguments.is_set("use-api-socket"))
    mounts.push_back(
        {{"Type", "bind"}, {"Source", session.globals().socket()}, {"Target", "/var/run/docker.sock"}});
  if (!anonymous.empty()) body["Volumes"] = anonymous;
  if (!binds.empty()) host["Binds"] = binds;
  if (!mounts.empty()) host["Mounts"] = mounts;
  if (!tmpfs.empty()) host["Tmpfs"] = tmpfs;
  if (arguments.given("volumes-from")) host["VolumesFrom"] = arguments.all("volumes-from");
  if (arguments.given("volume-driver")) host["VolumeDriver"] = arguments.text("volume-driver");
  return {};
}

}  // namespace stack::cli::docker_cli
