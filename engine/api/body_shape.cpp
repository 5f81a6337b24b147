#include "engine/api/body_shape.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace stack::engine {

namespace {

bool is_integer(const Json& value) {
  if (value.is_number_unsigned()) return value.get<uint64_t>() <= uint64_t{INT32_MAX};
  return value.is_number_integer() && std::in_range<int32_t>(value.get<int64_t>());
}

bool is_string(const Json& value) { return value.is_string(); }
bool is_object(const Json& value) { return value.is_object(); }

const char* expectation(Shape shape) {
  switch (shape) {
    case Shape::Bool:
      return "a boolean";
    case Shape::Integer:
      return "an integer of 32 bits";
    case Shape::String:
      return "a string";
    case Shape::Strings:
      return "a list of strings";
    case Shape::StringMap:
      return "an object of strings";
    case Shape::IntegerMap:
      return "an object of integers";
    case Shape::Object:
      return "an object";
    case Shape::Objects:
      return "a list of objects";
    case Shape::Any:
      break;
  }
  return "another type";
}

bool fits(const Json& value, Shape shape) {
  switch (shape) {
    case Shape::Any:
      return true;
    case Shape::Bool:
      return value.is_boolean();
    case Shape::Integer:
      return is_integer(value);
    case Shape::String:
      return value.is_string();
    case Shape::Strings:
      return value.is_array() && std::all_of(value.begin(), value.end(), is_string);
    case Shape::StringMap:
      return value.is_object() && std::all_of(value.begin(), value.end(), is_string);
    case Shape::IntegerMap:
      return value.is_object() && std::all_of(value.begin(), value.end(), is_integer);
    case Shape::Object:
      return value.is_object();
    case Shape::Objects:
      return value.is_array() && std::all_of(value.begin(), value.end(), is_object);
  }
  return false;
}

constexpr std::array kBuildOptions{
    MemberShape{"no_cache", Shape::Bool},        MemberShape{"pull", Shape::Bool},
    MemberShape{"args", Shape::StringMap},       MemberShape{"proxy", Shape::StringMap},
    MemberShape{"proxy_args", Shape::StringMap}, MemberShape{"ca_bundle", Shape::String},
    MemberShape{"ssh_auth_sock", Shape::String}, MemberShape{"with_dependencies", Shape::Bool},
};
constexpr std::array kUpOptions{
    MemberShape{"services", Shape::Strings},
    MemberShape{"build", Shape::Bool},
    MemberShape{"no_build", Shape::Bool},
    MemberShape{"pull", Shape::String},
    MemberShape{"force_recreate", Shape::Bool},
    MemberShape{"no_recreate", Shape::Bool},
    MemberShape{"no_deps", Shape::Bool},
    MemberShape{"no_start", Shape::Bool},
    MemberShape{"no_docker_socket", Shape::Bool},
    MemberShape{"roll_back", Shape::Bool},
    MemberShape{"remove_orphans", Shape::Bool},
    MemberShape{"ignore_orphans", Shape::Bool},
    MemberShape{"scale", Shape::IntegerMap},
    MemberShape{"timeout", Shape::Integer},
    MemberShape{"wait", Shape::Bool},
    MemberShape{"wait_timeout", Shape::Integer},
    MemberShape{"renew_anon_volumes", Shape::Bool},
    MemberShape{"always_recreate_deps", Shape::Bool},
    MemberShape{"build_options", Shape::Object, kBuildOptions},
};
constexpr std::array kPlan{MemberShape{"command", Shape::String}};
constexpr std::array kUp{
    MemberShape{"project", Shape::Object},
    MemberShape{"options", Shape::Object, kUpOptions},
};
constexpr std::array kDownOptions{
    MemberShape{"services", Shape::Strings},    MemberShape{"volumes", Shape::Bool},
    MemberShape{"rmi", Shape::String},          MemberShape{"timeout", Shape::Integer},
    MemberShape{"remove_orphans", Shape::Bool},
};
constexpr std::array kDown{
    MemberShape{"project", Shape::Object},
    MemberShape{"options", Shape::Object, kDownOptions},
};
constexpr std::array kOperation{
    MemberShape{"project", Shape::Object},  MemberShape{"services", Shape::Strings},
    MemberShape{"timeout", Shape::Integer}, MemberShape{"signal", Shape::String},
    MemberShape{"no_deps", Shape::Bool},    MemberShape{"force", Shape::Bool},
    MemberShape{"stop", Shape::Bool},       MemberShape{"volumes", Shape::Bool},
    MemberShape{"wait", Shape::Bool},       MemberShape{"build_options", Shape::Object, kBuildOptions},
};
constexpr std::array kProjectBuild{
    MemberShape{"project", Shape::Object},
    MemberShape{"options", Shape::Object, kBuildOptions},
    MemberShape{"services", Shape::Strings},
};
constexpr std::array kPullOptions{
    MemberShape{"services", Shape::Strings},     MemberShape{"no_deps", Shape::Bool},
    MemberShape{"policy", Shape::String},        MemberShape{"ignore_buildable", Shape::Bool},
    MemberShape{"ignore_failures", Shape::Bool}, MemberShape{"build_options", Shape::Object, kBuildOptions},
};
constexpr std::array kProjectPull{
    MemberShape{"project", Shape::Object},
    MemberShape{"options", Shape::Object, kPullOptions},
};
constexpr std::array kTransfer{
    MemberShape{"references", Shape::Strings},
    MemberShape{"platform", Shape::String},
    MemberShape{"ignore_failures", Shape::Bool},
    MemberShape{"network", Shape::Object, kBuildOptions},
};
constexpr std::array kRunOptions{
    MemberShape{"command", Shape::Strings},
    MemberShape{"entrypoint", Shape::Strings},
    MemberShape{"env", Shape::Strings},
    MemberShape{"labels", Shape::Strings},
    MemberShape{"user", Shape::String},
    MemberShape{"workdir", Shape::String},
    MemberShape{"name", Shape::String},
    MemberShape{"tty", Shape::Bool},
    MemberShape{"interactive", Shape::Bool},
    MemberShape{"rm", Shape::Bool},
    MemberShape{"detach", Shape::Bool},
    MemberShape{"no_deps", Shape::Bool},
    MemberShape{"service_ports", Shape::Bool},
    MemberShape{"publish", Shape::Strings},
    MemberShape{"volumes", Shape::Strings},
    MemberShape{"use_aliases", Shape::Bool},
    MemberShape{"cap_add", Shape::Strings},
    MemberShape{"cap_drop", Shape::Strings},
    MemberShape{"build", Shape::Bool},
    MemberShape{"remove_orphans", Shape::Bool},
    MemberShape{"pull", Shape::String},
    MemberShape{"wait_timeout", Shape::Integer},
    MemberShape{"build_options", Shape::Object, kBuildOptions},
};
constexpr std::array kRun{
    MemberShape{"project", Shape::Object},
    MemberShape{"service", Shape::String},
    MemberShape{"options", Shape::Object, kRunOptions},
};
constexpr std::array kCopy{
    MemberShape{"source", Shape::String},
    MemberShape{"target", Shape::String},
};
constexpr std::array kSync{
    MemberShape{"copy", Shape::Objects, kCopy},
    MemberShape{"remove", Shape::Strings},
};
constexpr std::array kBootstrap{MemberShape{"reference", Shape::String}};
constexpr std::array kBuildSecret{
    MemberShape{"id", Shape::String},
    MemberShape{"file", Shape::String},
    MemberShape{"content", Shape::String},
};
constexpr std::array kBuild{
    MemberShape{"context", Shape::String},
    MemberShape{"dockerfile", Shape::String},
    MemberShape{"dockerfile_inline", Shape::String},
    MemberShape{"tags", Shape::Strings},
    MemberShape{"target", Shape::String},
    MemberShape{"labels", Shape::StringMap},
    MemberShape{"network", Shape::String},
    MemberShape{"extra_hosts", Shape::Strings},
    MemberShape{"ssh", Shape::Strings},
    MemberShape{"additional_contexts", Shape::StringMap},
    MemberShape{"secrets", Shape::Objects, kBuildSecret},
    MemberShape{"cache_from", Shape::Strings},
    MemberShape{"cache_to", Shape::Strings},
    MemberShape{"no_cache_filter", Shape::Strings},
    MemberShape{"entitlements", Shape::Strings},
    MemberShape{"platforms", Shape::Strings},
    MemberShape{"attest", Shape::Strings},
    MemberShape{"shm_size", Shape::String},
    MemberShape{"ulimits", Shape::StringMap},
    MemberShape{"check", Shape::Bool},
    MemberShape{"options", Shape::Object, kBuildOptions},
};

}  // namespace

Result<Json> check_shape(Json object, std::span<const MemberShape> members, const std::string& path) {
  for (const MemberShape& member : members) {
    auto found = object.find(member.name);
    if (found == object.end()) continue;
    if (found->is_null()) {
      object.erase(found);
      continue;
    }
    std::string name = path.empty() ? member.name : path + "." + member.name;
    if (!fits(*found, member.shape)) return invalid(name + ": must be " + expectation(member.shape));
    if (member.shape == Shape::Object) {
      TRY_ASSIGN(*found, check_shape(std::move(*found), member.members, name));
    }
    if (member.shape != Shape::Objects) continue;
    for (Json& item : *found) {
      TRY_ASSIGN(item, check_shape(std::move(item), member.members, name));
    }
  }
  return object;
}

std::span<const MemberShape> plan_body() { return kPlan; }
std::span<const MemberShape> up_body() { return kUp; }
std::span<const MemberShape> down_body() { return kDown; }
std::span<const MemberShape> operation_body() { return kOperation; }
std::span<const MemberShape> project_build_body() { return kProjectBuild; }
std::span<const MemberShape> project_pull_body() { return kProjectPull; }
std::span<const MemberShape> transfer_body() { return kTransfer; }
std::span<const MemberShape> run_body() { return kRun; }
std::span<const MemberShape> sync_body() { return kSync; }
std::span<const MemberShape> bootstrap_body() { return kBootstrap; }
std::span<const MemberShape> build_body() { return kBuild; }

}  // namespace stack::engine
