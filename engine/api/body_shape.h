// Checks the types of the members of a request's body, before any service sees it.
#pragma once

#include <span>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace stack::engine {

enum class Shape {
  Any,
  Bool,
  Integer,  // 32 bits
  String,
  Strings,     // a list of strings
  StringMap,   // an object of strings
  IntegerMap,  // an object of 32-bit integers
  Object,      // with `members`
  Objects,     // a list of objects with `members`
};

struct MemberShape {
  const char* name;
  Shape shape;
  std::span<const MemberShape> members = {};
};

// Returns the object without null members, which count as absent; Invalid, with the member's name, if a member has
// the wrong type. Members without a row are not checked.
Result<Json> check_shape(Json object, std::span<const MemberShape> members, const std::string& path = "");

// The bodies of docs/API.md.
std::span<const MemberShape> plan_body();  // in addition to the members of the planned command
std::span<const MemberShape> up_body();
std::span<const MemberShape> down_body();
std::span<const MemberShape> operation_body();  // start, stop, restart, kill, rm, pause, unpause
std::span<const MemberShape> project_build_body();
std::span<const MemberShape> project_pull_body();
std::span<const MemberShape> transfer_body();  // images/pull, images/push
std::span<const MemberShape> run_body();
std::span<const MemberShape> sync_body();
std::span<const MemberShape> bootstrap_body();
std::span<const MemberShape> build_body();

}  // namespace stack::engine
