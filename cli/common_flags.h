// Flags that several commands share.
#pragma once

#include "cli/flags.h"

namespace stack::cli {

inline constexpr Flag kTimeoutFlag{'t', "timeout", Takes::Value, "SECONDS",
                                   "Grace before containers are killed (default: each one's own, or 10)"};
inline constexpr Flag kRemoveOrphansFlag{0, "remove-orphans", Takes::Nothing, "",
                                         "Remove containers of services that the file no longer has"};
inline constexpr Flag kBuildFlag{0, "build", Takes::Nothing, "", "Build images before starting"};
inline constexpr Flag kNoBuildFlag{0, "no-build", Takes::Nothing, "",
                                   "Never build, even where an image is missing"};
inline constexpr Flag kPullFlag{0, "pull", Takes::Value, "POLICY",
                                "When to pull images: always, missing, never"};
inline constexpr Flag kQuietPullFlag{0, "quiet-pull", Takes::Nothing, "", "No progress of pulls"};
inline constexpr Flag kForceRecreateFlag{0, "force-recreate", Takes::Nothing, "",
                                         "Recreate containers even where nothing changed"};
inline constexpr Flag kNoRecreateFlag{0, "no-recreate", Takes::Nothing, "",
                                      "Keep existing containers even where something changed"};
inline constexpr Flag kAlwaysRecreateDepsFlag{0, "always-recreate-deps", Takes::Nothing, "",
                                              "Recreate the dependencies of recreated services too"};
inline constexpr Flag kNoDepsFlag{0, "no-deps", Takes::Nothing, "", "Leave the services depended on alone"};
inline constexpr Flag kScaleFlag{0, "scale", Takes::Values, "SERVICE=N", "Number of containers of a service"};
inline constexpr Flag kRenewVolumesFlag{'V', "renew-anon-volumes", Takes::Nothing, "",
                                        "New anonymous volumes instead of those of the containers before"};
inline constexpr Flag kYesFlag{'y', "yes", Takes::Nothing, "", "Answer yes to every question"};
inline constexpr Flag kIndexFlag{0, "index", Takes::Value, "N", "Which container of a service with several"};
inline constexpr Flag kNoColorFlag{0, "no-color", Takes::Nothing, "", "No colours"};
inline constexpr Flag kNoLogPrefixFlag{0, "no-log-prefix", Takes::Nothing, "",
                                       "Lines without the container's name"};
inline constexpr Flag kQuietFlag{'q', "quiet", Takes::Nothing, "", "Only names or ids"};
inline constexpr Flag kFormatFlag{0, "format", Takes::Value, "FORMAT",
                                  "table, json, or a template: '{{.Name}}', 'table {{.Name}}\\t{{.Status}}'"};
inline constexpr Flag kNoTruncFlag{0, "no-trunc", Takes::Nothing, "", "Whole ids and commands"};
inline constexpr Flag kFilterFlag{0, "filter", Takes::Values, "KEY=VALUE", "Only what matches"};

}  // namespace stack::cli
