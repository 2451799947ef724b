// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Configuration <-> JSON values; used by config.cpp and config_table.cpp. */

#ifndef D2DET_TRAINING_CONFIG_JSON_HPP
#define D2DET_TRAINING_CONFIG_JSON_HPP

#include "config/config.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace d2det
{

//! The value as an error message shows it; arrays and objects only by their kind.
std::string describeJson(const nlohmann::json& value);

//! At most 80 bytes of a text for a message.
std::string cutText(const std::string& text);

//! Replaces ${NAME} by the environment variable and ${NAME:-default} by it or the default.
std::string expandVariables(const std::string& text, const std::string& path);

//! The text itself; throws if it contains a zero byte.
std::string checkedText(const std::string& text, const std::string& path);

/** Overwrites the members whose keys the object has; unknown keys, wrong types and unknown names are an error.
@param folder where relative paths start, "": they stay as they are.
@param rawText a number or true is accepted where a text is expected, as --set writes it. */
void readConfig(Config& config, const nlohmann::json& object, const std::string& folder, bool rawText);

//! Every key with its value, in the order of config_keys.hpp.
nlohmann::ordered_json writeConfig(const Config& config);

}  // namespace d2det

#endif
