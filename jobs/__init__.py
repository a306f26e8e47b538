"""What must survive a crash: jobs in Postgres, put there with the change that made them necessary.

| job                | subject            | does                                                           |
|--------------------|--------------------|----------------------------------------------------------------|
| submit             | training           | gives it to fal, once per decision                             |
| watch              | training           | asks fal how it is, with growing intervals, until it has ended |
| settle             | training           | fetches the result of a run that has ended                     |
| cancel             | training/request   | tells fal to stop a run that nobody waits for                  |
| take_turns         | "all"              | lets those generations go to fal whose turn it is              |
| …_generation       | generation         | the four above, for generations                                |
| collect            | generation         | brings the pictures that fal has made into our storage         |
| keep_weights       | LoRA model         | copies its weights into our storage                            |
| forget_run         | LoRA model         | has fal delete what it keeps of its training                   |
| delete_file        | key                | deletes a file in our storage                                  |
| status             | training           | sends or edits its living message in chat                      |
| notify             | notification       | sends a message that must arrive, once                         |
| draft              | person             | says in chat what the draft holds, once per album              |

Every minute, recovery puts back the jobs of trainings, generations and messages that have none; every ten,
what has expired is deleted; every hour, weights are copied that haven't been.
"""
