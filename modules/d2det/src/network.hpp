// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* cv::dnn::Net as the detector uses it. The two engines of cv::dnn differ in what they tell of a network and in whether
   they can stop at an inner layer; that is hidden here. opencv_notes.md 1.5 has the facts.

     classic engine   OpenCV 4.x, and 5.0 on request: layers with ids, any layer may be the last one of a pass
     new engine       OpenCV 5: a list of operations; a pass runs all of them, and asks for their shapes each time */

#ifndef OPENCV_D2DET_NETWORK_HPP
#define OPENCV_D2DET_NETWORK_HPP

#include "precomp.hpp"

#include <map>
#include <utility>
#include <vector>

namespace cv
{
namespace d2det
{

/** Reads an ONNX model for a backend. In OpenCV 5 the classic engine reads it if the new one cannot run the backend. */
dnn::Net readOnnx(const std::vector<uchar>& model, int backend);

class Network
{
public:
    typedef std::vector<std::pair<String, dnn::MatShape>> InputShapes;  //!< by name of the input, in the model's order

    struct LayerTime
    {
        Ptr<dnn::Layer> layer;
        double ms;
    };
    struct LayerShapes
    {
        Ptr<dnn::Layer> layer;
        std::vector<dnn::MatShape> inputs, outputs;
    };

    explicit Network(const dnn::Net& net);

    bool empty() const { return net_.empty(); }
    bool hasOutput(const String& name) const;
    //! In order of execution. null: an operation of OpenCV's that is no Layer.
    std::vector<Ptr<dnn::Layer>> layers() const;
    //! Shapes of a pass, in order of execution. Inputs are float32.
    std::vector<LayerShapes> shapes(const InputShapes& inputs) const;

    void setInput(const Mat& blob, const String& name) { net_.setInput(blob, name); }
    //! Outputs of a pass by their names in the model.
    std::vector<Mat> forward(const std::vector<String>& outputs);
    /** The output that `last` makes, without a pass through the layers behind it. The new engine runs them, but those
        of this module do nothing and hand on one row, which is as fast. */
    Mat forwardUntil(const Ptr<dnn::Layer>& last, const String& output);
    //! Of the last pass, in order of execution; layers that did not run may be left out or have an older time.
    std::vector<LayerTime> times();

private:
    bool isClassic() const;

    mutable dnn::Net net_;                          // some queries of cv::dnn are not const
    std::map<int, Ptr<dnn::Layer>> classicLayers_;  //!< by id, the order in which they run; they stay the same
};

}  // namespace d2det
}  // namespace cv

#endif
