// The users and groups of an image.
#pragma once

#include "cli/session/session.h"
#include "orchestrator/targets/image_facts.h"

namespace stack::cli::cluster {

// Whether the service names a user or group that is not a number.
bool names_users(const compose::Service& service);
// Reads /etc/passwd and /etc/group of an image of the local engine, through a container that is never started.
// Unreadable files are left out.
void read_users(Session& session, const std::string& image, targets::ImageFacts& facts);

// "name:x:33:44:..." of each line: name -> "33:44" (passwd), or name -> "33" (group).
std::map<std::string, std::string> parse_users(const std::string& passwd);
std::map<std::string, std::string> parse_groups(const std::string& group);

}  // namespace stack::cli::cluster
