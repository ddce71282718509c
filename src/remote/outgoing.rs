//! A task as it is sent: what the user set, to the letter, and the few fields that belong to the client.
//!
//! Always sent: `taskType`, `taskUUID`, `deliveryMethod` (as set, else `sync` over the WebSocket, where
//! pictures come as they are finished, and `async` over HTTP, where no answer then depends on one long
//! request), `includeCost` true for the receipt, and `controlMode` (`balanced` when unset, since the
//! service does not say what it would take). A seed goes along only when the user set one.

use serde_json::{Map, Value};

use crate::task::{ControlMode, DeliveryMethod, Request, Task, TaskType};

/// The task object of `request` for a service reached by WebSocket or HTTP.
///
/// # Errors
/// When a number in it is none that JSON can write.
pub(super) fn task(
    request: &Request,
    mut task: Task,
    by_socket: bool,
) -> serde_json::Result<Map<String, Value>> {
    let delivery = if by_socket { DeliveryMethod::Sync } else { DeliveryMethod::Async };
    task.task_type = Some(TaskType::ImageInference);
    task.task_uuid = Some(request.task_uuid.to_string());
    task.delivery_method.get_or_insert(delivery);
    task.include_cost = Some(true);
    for control in task.control_net.iter_mut().flatten() {
        control.control_mode.get_or_insert(ControlMode::Balanced);
    }
    match serde_json::to_value(&task)? {
        Value::Object(members) => Ok(members),
        _ => Ok(Map::new()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::task::{Air, Catalog, EngineKind, ModelCard, resolve};

    struct Empty;

    impl Catalog for Empty {
        fn model(&self, _air: &Air) -> Option<Arc<ModelCard>> {
            None
        }
    }

    fn sent(json: &Value, by_socket: bool) -> Value {
        let read = Task::from_json(json).unwrap();
        let request = resolve(&read, &Empty, EngineKind::Remote, 5).unwrap();
        Value::Object(task(&request, read, by_socket).unwrap())
    }

    fn least() -> Value {
        json!({
            "taskType": "imageInference", "taskUUID": "a770f077-f413-47de-9dac-be0b26a35da6",
            "positivePrompt": "a red fox", "model": "runware:101@1", "width": 512, "height": 512,
        })
    }

    #[test]
    fn nothing_is_sent_that_was_not_set_but_for_the_clients_own_fields() {
        let mut expected = least();
        expected["deliveryMethod"] = json!("sync");
        expected["includeCost"] = json!(true);
        assert_eq!(sent(&least(), true), expected);
        expected["deliveryMethod"] = json!("async");
        assert_eq!(sent(&least(), false), expected);
    }

    #[test]
    fn what_was_set_is_sent_to_the_letter() {
        let guide = "https://example.org/edges.png";
        let mut all = least();
        let more = json!({
            "deliveryMethod": "async", "includeCost": true, "outputType": "base64Data", "outputFormat": "PNG",
            "seed": 9223372036854775807_u64, "CFGScale": 3, "steps": 4, "numberResults": 1, "ttl": 60,
            "webhookURL": "https://example.org/hook", "uploadEndpoint": "https://example.org/put",
            "controlNet": [
                { "model": "runware:25@1", "guideImage": guide, "weight": 0.5 },
                { "model": "runware:27@1", "guideImage": guide, "controlMode": "prompt", "endStepPercentage": 70 },
            ],
            "acceleratorOptions": { "teaCache": true, "teaCacheDistance": 0.3 },
        });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all["outputType"] = json!("URL");
        let mut expected = all.clone();
        expected["controlNet"][0]["controlMode"] = json!("balanced");
        assert_eq!(sent(&all, true), expected);
        let text = sent(&all, true).to_string();
        assert!(text.contains("9223372036854775807"), "{text}");
    }
}
