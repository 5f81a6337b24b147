// Flags that several commands share.
#pragma once

#include "cli/flags/flags.h"

namespace stack::cli {

inline constexpr Flag kTimeoutFlag{
    't', "timeout", FlagArity::Value, "SECONDS",
    "Seconds to wait before killing containers (default: stop_grace_period, or 10)"};
inline constexpr Flag kRemoveOrphansFlag{0, "remove-orphans", FlagArity::Nothing, "",
                                         "Remove containers of services that are not in the Compose file"};
inline constexpr Flag kBuildFlag{0, "build", FlagArity::Nothing, "", "Build images before starting"};
inline constexpr Flag kNoBuildFlag{0, "no-build", FlagArity::Nothing, "",
                                   "Do not build, even if an image is missing"};
inline constexpr Flag kPullFlag{0, "pull", FlagArity::Value, "POLICY",
                                "When to pull images: always, missing, or never"};
inline constexpr Flag kQuietPullFlag{0, "quiet-pull", FlagArity::Nothing, "", "Do not show pull progress"};
inline constexpr Flag kForceRecreateFlag{0, "force-recreate", FlagArity::Nothing, "",
                                         "Recreate containers even if nothing changed"};
inline constexpr Flag kNoRecreateFlag{0, "no-recreate", FlagArity::Nothing, "",
                                      "Keep existing containers even if something changed"};
inline constexpr Flag kAlwaysRecreateDepsFlag{0, "always-recreate-deps", FlagArity::Nothing, "",
                                              "Also recreate the dependencies of recreated services"};
inline constexpr Flag kNoDepsFlag{0, "no-deps", FlagArity::Nothing, "",
                                  "Do not start or change dependencies"};
inline constexpr Flag kScaleFlag{0, "scale", FlagArity::Values, "SERVICE=N",
                                 "Number of containers for a service"};
inline constexpr Flag kRenewVolumesFlag{'V', "renew-anon-volumes", FlagArity::Nothing, "",
                                        "Create new anonymous volumes instead of reusing the previous ones"};
inline constexpr Flag kYesFlag{'y', "yes", FlagArity::Nothing, "", "Answer yes to every question"};
inline constexpr Flag kIndexFlag{0, "index", FlagArity::Value, "N",
                                 "Number of the replica, if the service has several"};
inline constexpr Flag kNoColorFlag{0, "no-color", FlagArity::Nothing, "", "Do not use colors"};
inline constexpr Flag kNoLogPrefixFlag{0, "no-log-prefix", FlagArity::Nothing, "",
                                       "Do not prefix lines with the container name"};
inline constexpr Flag kQuietFlag{'q', "quiet", FlagArity::Nothing, "", "Print only names or IDs"};
inline constexpr Flag kFormatFlag{
    0, "format", FlagArity::Value, "FORMAT",
    "Output format: table, json, or a template: '{{.Name}}', 'table {{.Name}}\\t{{.Status}}'"};
inline constexpr Flag kNoTruncFlag{0, "no-trunc", FlagArity::Nothing, "", "Do not truncate IDs and commands"};
inline constexpr Flag kFilterFlag{0, "filter", FlagArity::Values, "KEY=VALUE", "Show only matching objects"};

}  // namespace stack::cli
