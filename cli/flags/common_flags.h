// Flags that several commands share.
#pragma once

#include "cli/flags/flags.h"

namespace stack::cli {

inline constexpr Flag kTimeoutFlag{'t', "timeout", FlagArity::Value, "SECONDS",
                                   "Grace before containers are killed (default: each one's own, or 10)"};
inline constexpr Flag kRemoveOrphansFlag{0, "remove-orphans", FlagArity::Nothing, "",
                                         "Remove containers of services that the file no longer has"};
inline constexpr Flag kBuildFlag{0, "build", FlagArity::Nothing, "", "Build images before starting"};
inline constexpr Flag kNoBuildFlag{0, "no-build", FlagArity::Nothing, "",
                                   "Never build, even where an image is missing"};
inline constexpr Flag kPullFlag{0, "pull", FlagArity::Value, "POLICY",
                                "When to pull images: always, missing, never"};
inline constexpr Flag kQuietPullFlag{0, "quiet-pull", FlagArity::Nothing, "", "No progress of pulls"};
inline constexpr Flag kForceRecreateFlag{0, "force-recreate", FlagArity::Nothing, "",
                                         "Recreate containers even where nothing changed"};
inline constexpr Flag kNoRecreateFlag{0, "no-recreate", FlagArity::Nothing, "",
                                      "Keep existing containers even where something changed"};
inline constexpr Flag kAlwaysRecreateDepsFlag{0, "always-recreate-deps", FlagArity::Nothing, "",
                                              "Recreate the dependencies of recreated services too"};
inline constexpr Flag kNoDepsFlag{0, "no-deps", FlagArity::Nothing, "",
                                  "Leave the services depended on alone"};
inline constexpr Flag kScaleFlag{0, "scale", FlagArity::Values, "SERVICE=N",
                                 "Number of containers of a service"};
inline constexpr Flag kRenewVolumesFlag{'V', "renew-anon-volumes", FlagArity::Nothing, "",
                                        "New anonymous volumes instead of those of the containers before"};
inline constexpr Flag kYesFlag{'y', "yes", FlagArity::Nothing, "", "Answer yes to every question"};
inline constexpr Flag kIndexFlag{0, "index", FlagArity::Value, "N",
                                 "Which container, for a service with several"};
inline constexpr Flag kNoColorFlag{0, "no-color", FlagArity::Nothing, "", "No colours"};
inline constexpr Flag kNoLogPrefixFlag{0, "no-log-prefix", FlagArity::Nothing, "",
                                       "Lines without the container's name"};
inline constexpr Flag kQuietFlag{'q', "quiet", FlagArity::Nothing, "", "Only names or ids"};
inline constexpr Flag kFormatFlag{0, "format", FlagArity::Value, "FORMAT",
                                  "table, json, or a template: '{{.Name}}', 'table {{.Name}}\\t{{.Status}}'"};
inline constexpr Flag kNoTruncFlag{0, "no-trunc", FlagArity::Nothing, "", "Whole ids and commands"};
inline constexpr Flag kFilterFlag{0, "filter", FlagArity::Values, "KEY=VALUE", "Only what matches"};

}  // namespace stack::cli
