// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Models, weights and configurations that are installed with the programs, found by name from any folder. */

#ifndef D2DET_TRAINING_INSTALLED_HPP
#define D2DET_TRAINING_INSTALLED_HPP

#include <string>
#include <vector>

namespace d2det
{

//! Kinds of installed files.
enum class Installed
{
    MODEL,    //!< models/NAME.onnx
    WEIGHTS,  //!< models/NAME.safetensors
    CONFIG    //!< configs/NAME.json
};

/** The path of a file that a user names: an existing file is itself; otherwise a name without '/' is looked for among
    the installed ones: in the folders of the environment variable D2DET_PATH (separated by ':') and in share/d2det
    beside the program's folder, each with the folders models and configs. Returns the text unchanged if there is none.
    */
std::string findInstalled(const std::string& name, Installed kind);

//! Names that findInstalled knows, sorted.
std::vector<std::string> installedNames(Installed kind);

}  // namespace d2det

#endif
