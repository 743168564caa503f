"""Every action there is, as one type: what is read back as an action is one of these."""

from probe.plan import action, asks

AnyAction = (
    action.Register
    | action.Unregister
    | action.Call
    | action.Cancel
    | action.Hangup
    | action.Talk
    | action.Press
    | action.Wait
    | action.Options
    | action.Expect
    | action.Follow
    | action.Take
    | action.Hold
    | action.Refresh
    | action.Transfer
    | asks.Ask
    | asks.AskInCall
    | asks.Subscribe
    | asks.Unsubscribe
    | asks.Await
)
